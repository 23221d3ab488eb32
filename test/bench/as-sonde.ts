/** To be preloaded (`node --import`): what the executable does before it loads anything else. */
import { keepYoungGenerationSmall } from '../../lib/young-generation.js';

keepYoungGenerationSmall();
