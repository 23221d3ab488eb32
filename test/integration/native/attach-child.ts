// Attaches one program of attach.bpf.c, makes 23 system calls, and prints what the program counted.
import { native } from '../../../native/index.js';
import { compileFixture } from '../../harness/compile-bpf.js';
import { KILL_SYSCALL } from '../../harness/event-fixture.js';
import { findMap, findProgram, u32 } from '../../harness/native-assert.js';

const [, , name = '', hook = '0'] = process.argv;
const object = native.open(compileFixture('attach'));
object.setGlobal('target_tgid', process.pid);
object.setGlobal('target_syscall', KILL_SYSCALL);
for (const program of object.programs) program.autoload = program.name === name;
object.load();
findProgram(object, name).attach();
for (let i = 0; i < 23; i++) process.kill(process.pid, 0);
const value = findMap(object, 'counts').lookup(u32(Number(hook)));
object.close();
process.stdout.write(String(value && new BigUint64Array(value.buffer)[0]));
