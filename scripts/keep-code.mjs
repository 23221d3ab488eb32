// Imported before the command by build-cache.mjs: when the command ends, what V8 has compiled of its script is written beside it.
import { writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import vm from 'node:vm';

vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    process.once('exit', () => {
      // As at the start: a cache is only taken under the flags that it was made with.
      setFlagsFromString('--no-expose-gc');
      writeFileSync(`${options.filename}.cache`, this.createCachedData());
    });
  }
};
syncBuiltinESMExports();
