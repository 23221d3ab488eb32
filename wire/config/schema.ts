export type * from './types.js';
export { DECODER_NAMES, HOST_DECODER_NAMES, KERNEL_FEATURES } from './types.js';
