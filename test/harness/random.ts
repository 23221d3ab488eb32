export { randomInteger, seededRandom } from '../../lib/random.js';
