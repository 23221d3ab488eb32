import { mapKindsTests } from '../../kernel/format/map-kinds.js';

mapKindsTests();
