import { decodersTests } from '../../kernel/format/decoders.js';

decodersTests();
