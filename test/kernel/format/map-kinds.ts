import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fixtureYaml, obeyThisProcess, signalNobody } from '../../harness/bpf-fixture.js';
import { onCpu, possibleCpus, twoCpus } from '../../harness/cpus.js';
import { select, type Sample } from '../../harness/kernel-metrics.js';
import { configFolder, startSonde } from '../../harness/sonde.js';

/** `map-kinds.bpf.c` has it so. */
const COMMAND = 0x2000_0000;
/** The keys of its array maps. */
const INDEXES = 8;

/** Adds `n` to the row of `key` in each map of `map-kinds.bpf.c`, on the CPU that this thread runs on. */
export function add(key: number, n: number): void {
  signalNobody(COMMAND + n, key);
}

/** Each kind of map that can be walked, on the kernel that this runs on. */
export function mapKindsTests(): void {
  describe('each kind of map', () => {
    test('is read: rows by key, CPUs added up or kept apart', async (t) => {
      const folder = configFolder(t, { 'map-kinds': { yaml: fixtureYaml('map-kinds'), object: 'map-kinds' } });
      const sonde = await startSonde(t, ['--config.dir', folder]);
      obeyThisProcess(Number(select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info')[0]!.labels['id']));
      const [one, other] = twoCpus();
      onCpu(one, () => {
        add(1, 5);
        add(2, 3);
      });
      onCpu(other, () => add(1, 7));
      const samples = await sonde.scrape();

      for (const kind of ['hash', 'lru_hash', 'percpu_hash', 'lru_percpu']) {
        assert.deepEqual(series(samples, `test_${kind}_total`), ['key=1 12', 'key=2 3'], kind);
      }
      const indexes = Array.from({ length: INDEXES }, (_, key) => `key=${key} ${[0, 12, 3][key] ?? 0}`);
      for (const kind of ['array', 'percpu_array']) {
        assert.deepEqual(series(samples, `test_${kind}_total`), indexes, `${kind}: the key is the index`);
      }
      for (const kind of ['one', 'percpu_one']) {
        assert.deepEqual(series(samples, `test_${kind}_total`), [' 15'], `${kind}: without labels there is one series`);
      }
      assert.deepEqual(series(samples, 'test_lpm_total'), [
        'address=10.0.0.1,length=32 12',
        'address=10.0.0.2,length=32 3',
      ]);

      const onOne = one === other ? { 1: 12, 2: 3 } : { 1: 5, 2: 3 };
      const byCpu = (cpu: number): Record<number, number> => (cpu === one ? onOne : cpu === other ? { 1: 7 } : {});
      const cpus = Array.from({ length: possibleCpus() }, (_, cpu) => cpu);
      const keys = cpus.flatMap((cpu) => [1, 2].map((key) => `cpu=${cpu},key=${key} ${byCpu(cpu)[key] ?? 0}`));
      assert.deepEqual(series(samples, 'test_key_cpu_total'), keys.sort());
      assert.deepEqual(series(samples, 'test_cpu_lru_total'), keys.sort());
      assert.deepEqual(series(samples, 'test_key_all_total'), ['key=1 12', 'key=2 3'], 'the same map, added up');
      const sums = cpus.map((cpu) => `cpu=${cpu} ${(byCpu(cpu)[1] ?? 0) + (byCpu(cpu)[2] ?? 0)}`);
      assert.deepEqual(series(samples, 'test_cpu_total'), sums.sort(), 'only cpu: the zero key is no label');
      // A bucket for each key, cumulative.
      const buckets = cpus.flatMap((cpu) => {
        const { 1: ones = 0, 2: twos = 0 } = byCpu(cpu);
        const counts = [0, ones, ones + twos, ones + twos, ones + twos];
        return ['0', '1', '2', '3', '+Inf'].map((le, i) => `cpu=${cpu},le=${le} ${counts[i]}`);
      });
      assert.deepEqual(series(samples, 'test_cpu_histogram_bucket'), buckets.sort());
      const valueSums = cpus.map((cpu) => `cpu=${cpu} ${(byCpu(cpu)[1] ?? 0) + 2 * (byCpu(cpu)[2] ?? 0)}`);
      assert.deepEqual(series(samples, 'test_cpu_histogram_sum'), valueSums.sort());
      // The kernel's own word for where it was.
      const places = select(samples, 'ebpf_exporter_test_place_total').map(
        ({ labels, value }) => `cpu=${labels['on']},key=${labels['key']} ${value}`,
      );
      assert.deepEqual(places.sort(), keys.filter((line) => !line.endsWith(' 0')).sort());
      const entries = select(samples, 'sonde_map_entries', { map: 'test_key_cpu_total' });
      assert.equal(entries[0]?.value, 2, 'keys, not rows');
    });
  });
}

function series(samples: readonly Sample[], metric: string): string[] {
  return select(samples, `ebpf_exporter_${metric}`)
    .map(({ labels, value }) => {
      const pairs = Object.entries(labels).map(([name, text]) => `${name}=${text}`);
      return `${pairs.sort().join()} ${value}`;
    })
    .sort();
}
