import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { suite, type TestContext } from 'node:test';
import { isNode, parseAllDocuments, parseDocument, type Document } from 'yaml';
import { capabilitiesOf, capabilityNames } from '../../../lib/capabilities.js';
import { settingOf } from '../../../lib/settings.js';
import { packageRoot } from '../../harness/root.js';
import { startSonde, type Sonde } from '../../harness/sonde.js';
import { testFolder } from '../../services/folders.js';

const DEPLOY = join(packageRoot(), 'deploy');
const NOBODY = '65534';

/** Sonde as a deployment starts it: as this user, with these capabilities and no way to more. */
function startWith(
  t: TestContext,
  uid: string,
  capabilities: readonly string[],
  args: readonly string[],
): Promise<Sonde> {
  const set = ['-all', ...capabilities.map((name) => `+${name.toLowerCase().replace(/^cap_/, '')}`)].join(',');
  const ids = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--no-new-privs', `--bounding-set=${set}`];
  const prefix = ['setpriv', ...ids, `--inh-caps=${set}`, ...(uid === '0' ? [] : [`--ambient-caps=${set}`])];
  return startSonde(t, args, 'run', prefix);
}

async function assertServesAll(sonde: Sonde): Promise<void> {
  assert.match(sonde.stdout(), /^attached .*; nothing was refused$/m);
  assert.match(sonde.stderr(), /INFO: capabilities: kept cap_syslog \(kernel symbols\)$/m);
  const status = readFileSync(`/proc/${sonde.pid}/status`, 'latin1');
  assert.deepEqual(capabilityNames(capabilitiesOf(status, 'CapPrm')), ['cap_syslog']);
  // Who may not see the kernel's symbols gets addresses.
  const text = await (await fetch(`${sonde.url}/metrics`)).text();
  assert.match(text, /^ebpf_exporter_timer_starts_total\{/m);
}

suite('systemd', () => {
  const unit = readFileSync(join(DEPLOY, 'systemd', 'sonde.service'), 'utf8');
  const valueOf = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? '';

  test('systemd takes the units, and finds the service well shut off', () => {
    const files = ['sonde.service', 'sonde.socket'].map((name) => join(DEPLOY, 'systemd', name));
    assert.deepEqual(outcome('systemd-analyze', ['verify', ...files]), [0, '']);
    // In tenths; the exit status says whether it is above.
    const [status, said] = outcome('systemd-analyze', ['security', '--offline=true', '--threshold=30', files[0]!]);
    assert.equal(status, 0, said);
  });

  test('what the service may do is enough for all probes', async (t) => {
    const capabilities = valueOf('AmbientCapabilities').split(' ');
    assert.deepEqual(valueOf('CapabilityBoundingSet').split(' '), capabilities);
    const [, args = ''] = / run (.*) \$SONDE_FLAGS$/.exec(valueOf('ExecStart')) ?? [];
    assert.equal(args, '--log.no-timestamps');
    await assertServesAll(await startWith(t, NOBODY, capabilities, [args]));
  });
});

suite('Kubernetes', () => {
  const documents = parseAllDocuments(readFileSync(join(DEPLOY, 'kubernetes', 'sonde.yaml'), 'utf8'));
  const ofKind = (kind: string): Document.Parsed =>
    documents.find((document) => document.get('kind') === kind) as Document.Parsed;
  const daemonSet = ofKind('DaemonSet');
  const container = ['spec', 'template', 'spec', 'containers', 0];
  const inContainer = (...path: (string | number)[]): unknown => toData(daemonSet.getIn([...container, ...path]));

  test('the parts fit together', () => {
    assert.deepEqual(
      documents.map((document) => document.get('kind')),
      ['Namespace', 'ServiceAccount', 'Service', 'DaemonSet'],
    );
    for (const document of documents) assert.deepEqual(document.errors, []);
    const selector = toData(ofKind('Service').getIn(['spec', 'selector']));
    for (const path of [
      ['spec', 'selector', 'matchLabels'],
      ['spec', 'template', 'metadata', 'labels'],
    ])
      assert.deepEqual(toData(daemonSet.getIn(path)), selector);
    const [port] = inContainer('ports') as [{ name: string; containerPort: number }];
    assert.equal(`:${port.containerPort}`, settingOf('web.listen-address').default);
    assert.equal(ofKind('Service').getIn(['spec', 'ports', 0, 'targetPort']), port.name);
    assert.equal(ofKind('Service').getIn(['spec', 'ports', 0, 'port']), port.containerPort);
    const names = (list: unknown): string[] => (list as { name: string }[]).map(({ name }) => name);
    assert.deepEqual(
      names(inContainer('volumeMounts')),
      names(toData(daemonSet.getIn(['spec', 'template', 'spec', 'volumes']))),
    );
  });

  test('what the container may do is enough for all probes, and its health is answered for', async (t) => {
    assert.equal(inContainer('securityContext', 'privileged'), false);
    assert.deepEqual(inContainer('securityContext', 'capabilities', 'drop'), ['ALL']);
    const capabilities = inContainer('securityContext', 'capabilities', 'add') as string[];
    const [command, ...args] = inContainer('args') as string[];
    assert.equal(command, 'run');
    const sonde = await startWith(t, '0', capabilities, args);
    await assertServesAll(sonde);
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      const path = String(inContainer(probe, 'httpGet', 'path'));
      assert.equal((await fetch(sonde.url + path)).status, 200, path);
    }
  });

  test('Prometheus takes the scrape configuration', (t) => {
    const file = join(testFolder(t, 'scrape'), 'scrape.yml');
    const scrape = parseDocument(readFileSync(join(DEPLOY, 'kubernetes', 'prometheus', 'scrape.yml'), 'utf8'));
    // Debian's build finds no pods: their place is taken by a target.
    const job = ['scrape_configs', 0];
    assert.equal(scrape.getIn([...job, 'kubernetes_sd_configs', 0, 'role']), 'pod');
    scrape.deleteIn([...job, 'kubernetes_sd_configs']);
    scrape.setIn([...job, 'static_configs'], [{ targets: ['localhost:9435'] }]);
    writeFileSync(file, String(scrape));
    const [status, said] = outcome('promtool', ['check', 'config', file]);
    assert.equal(status, 0, said);
  });
});

suite('Docker', () => {
  const dockerfile = readFileSync(join(DEPLOY, 'docker', 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
  const instructions = dockerfile.split('\n').filter((line) => /^[A-Z]+ /.test(line));

  test('it installs what the build asks for, and copies what there is', async () => {
    const system = (await import(pathToFileURL(join(packageRoot(), 'scripts', 'system.mjs')).href)) as {
      readonly BUILD_PACKAGES: readonly { readonly name: string }[];
    };
    const [build, runtime] = instructions.filter((line) => line.includes('apt-get install'));
    const packages = /--no-install-recommends ([\w+. -]+?) +&&/.exec(build!)![1]!.split(' ');
    assert.deepEqual(
      packages,
      system.BUILD_PACKAGES.map(({ name }) => name),
    );
    assert.match(runtime!, / libbpf1 /);
    const copied = instructions.flatMap((line) => /^COPY --from=build (.*) \S+$/.exec(line)?.[1]?.split(' ') ?? []);
    assert.ok(copied.length >= 6, dockerfile);
    for (const path of copied) assert.ok(existsSync(path.replace('/src', packageRoot())), path);
  });

  test('what it leaves out of the image is what git leaves out, too', () => {
    const ignored = readFileSync(join(packageRoot(), '.dockerignore'), 'utf8').trim().split('\n');
    for (const folder of ['node_modules', 'dist', 'native/build', '.cache', '.git'])
      assert.ok(ignored.includes(folder), folder);
  });
});

function outcome(command: string, args: readonly string[]): [status: number | null, said: string] {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return [status, stdout + stderr];
}

function toData(node: unknown): unknown {
  return isNode(node) ? (node.toJSON() as unknown) : node;
}
