// The teardown scenarios of test/integration/native under AddressSanitizer and LeakSanitizer. Builds the addon anew
// when its sources changed (about a minute), so it has a command of its own: `npm run test:asan`.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { buildWithAsan, leaksOf, type AsanBuild } from '../harness/asan-build.js';
import { runChild } from '../harness/child.js';
import { compileFixture } from '../harness/compile-bpf.js';
import { skipUnlessRoot } from '../harness/privileged.js';
import { TEARDOWN_SCENARIOS } from '../integration/native/teardown-scenarios.js';

/** What a child said before LeakSanitizer's report, which is long and always there when a process ends early. */
const reason = (stderr: string): string => stderr.replace(/^=+\n==\d+==ERROR: LeakSanitizer[^]*/m, '').slice(0, 4000);

describe('teardown under AddressSanitizer', { skip: skipUnlessRoot }, () => {
  let build: AsanBuild;
  before(() => {
    compileFixture('maps');
    compileFixture('events');
    build = buildWithAsan();
  });

  for (const scenario of TEARDOWN_SCENARIOS) {
    it(scenario, async () => {
      const child = join(build.dist, 'test/integration/native/teardown-child.js');
      const result = await runChild(child, [scenario], {
        nodeArgs: ['--expose-gc'],
        env: build.env,
        timeoutMs: 120_000,
      });
      assert.deepEqual([result.status, result.signal, result.stdout], [0, null, 'done'], reason(result.stderr));
      assert.doesNotMatch(result.stderr, /ERROR: AddressSanitizer/);
      assert.deepEqual(leaksOf(result.stderr), []);
    });
  }

  it('tells leaks of the addon from those of V8', () => {
    const report = [
      'Direct leak of 80 byte(s) in 2 object(s) allocated from:',
      '    #0 0x1 in operator new(unsigned long) ../../../../src/libsanitizer/asan/asan_new_delete.cpp:95',
      '    #1 0x2 in napi_create_external (/usr/bin/node+0xc50413)',
      '    #2 0x3 in New /node_modules/node-addon-api/napi-inl.h:2019',
      '    #3 0x4 in sonde::EventReader::Create(Napi::Env, std::shared_ptr<sonde::Ownership>) ../src/event_reader.cc:54',
      '',
      'Direct leak of 24 byte(s) in 1 object(s) allocated from:',
      '    #0 0x1 in __interceptor_strdup ../../../../src/libsanitizer/asan/asan_interceptors.cpp:439',
      '    #1 0x2  (/lib/libbpf.so.1+0x1b2a0)',
      '',
      'Direct leak of 256 byte(s) in 1 object(s) allocated from:',
      '    #0 0x1 in __interceptor_posix_memalign ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:145',
      '    #1 0x2 in v8::internal::MemoryChunk::AllocateSlotSet() (/usr/bin/node+0x116728d)',
      '    #2 0x3 in sonde::Object::Programs(Napi::CallbackInfo const&) ../src/object.cc:99',
    ].join('\n');
    assert.equal(leaksOf(report).length, 2);
  });
});
