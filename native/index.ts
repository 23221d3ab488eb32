import { requireBoolean } from './arguments.js';
import { binding } from './binding.js';
import { NativeDirectoryEvents } from './directory-events.js';
import { NativeObject } from './object.js';
import type { Native } from './types.js';

export { NativeError } from './error.js';
export type * from './types.js';

/** The addon. Loaded at the first use, which fails with what to do when it is not built. */
export const native: Native = Object.freeze({
  open: (source, options) => new NativeObject(source, options),
  openDirectoryEvents: (kind) => new NativeDirectoryEvents(kind),
  clockAnchor: () => binding().clockAnchor(),
  possibleCpus: () => binding().possibleCpus(),
  sendDatagram: (path, text) => binding().sendDatagram(path, text),
  keepCapabilities: (keep) => binding().keepCapabilities(keep),
  mapsNeedCapability: () => binding().mapsNeedCapability(),
  interfaceName: (index) => binding().interfaceName(index),
  readFile: async (path) => Buffer.from((await binding().readFile(path)).buffer),
  enableRunStats: () => binding().enableRunStats(),
  hasFeature: (name) => binding().hasFeature(name),
  printLog: (on) => binding().printLog(requireBoolean({ operation: 'print log', object: '' }, 'on', on)),
  postAttachMark: () => binding().postAttachMark(),
  trimMemory: () => binding().trimMemory(),
  get libbpfVersion() {
    return binding().libbpfVersion;
  },
} satisfies Native);
