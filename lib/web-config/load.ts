import { dirname, resolve } from 'node:path';
import { arePair, isPem, MAX_PEM_BYTES, type PemKind } from '../pem.js';
import { readTextFile } from '../read-text-file.js';
import { problemLine, SettingsError } from '../settings/problem.js';
import { explainIssue } from '../yaml/issues.js';
import { formatPath, type Path } from '../yaml/path.js';
import { MAX_FILE_BYTES, readYaml, type YamlReading } from '../yaml/read-yaml.js';
import type { Position } from '../yaml/yaml-reader.js';
import { webConfigSchema, type TlsInput, type WebConfigInput } from './schema.js';

/** How a web server is to be reached, and by whom. */
export interface WebConfig {
  readonly tls?: WebTls;
  readonly http2: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** bcrypt hashes by user; empty: no login. */
  readonly users: ReadonlyMap<string, string>;
  /** Absent: as many requests as come. */
  readonly rateLimit?: { readonly intervalMs: number; readonly burst: number };
  /** All that was read for it. */
  readonly files: readonly string[];
}

/** PEM texts stand where the file had names of files. */
export interface WebTls extends Omit<TlsInput, 'cert' | 'key' | 'client_ca' | `${string}_file`> {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
}

/** Reads a web configuration file and the PEM files it names, relative to its folder. Throws a SettingsError with everything that is wrong. */
export async function loadWebConfig(file: string): Promise<WebConfig> {
  const text = await readTextFile(file, MAX_FILE_BYTES);
  if (typeof text !== 'string') throw new SettingsError([problemLine(file, text.message, text.hint)]);
  const reading = readYaml(text, webConfigSchema);
  const report = new Report(file, reading);
  const result = webConfigSchema.safeParse(reading.data ?? {}, { reportInput: true });
  if (reading.problems.length > 0 || !result.success) {
    for (const problem of reading.problems) report.addAt(problem, problem.path, problem.message, problem.hint);
    const issues = reading.data === undefined ? [] : (result.error?.issues ?? []);
    for (const issue of issues) {
      for (const { path, message, hint } of explainIssue(issue, webConfigSchema)) report.add(path, message, hint);
    }
    throw report.error();
  }
  return await resolved(file, result.data, report);
}

async function resolved(file: string, input: WebConfigInput, report: Report): Promise<WebConfig> {
  const { tls_server_config: tls, http_server_config: http, basic_auth_users: users, rate_limit: limit } = input;
  const pems = tls && new Pems(dirname(file), tls, report);
  const webTls = await pems?.read();
  if (report.hasProblems) throw report.error();
  return {
    ...(webTls !== undefined && { tls: webTls }),
    http2: http?.http2 ?? true,
    headers: Object.fromEntries(
      Object.entries(http?.headers ?? {}).flatMap(([name, value]) => (value ? [[name, value]] : [])),
    ),
    users: new Map(Object.entries(users ?? {})),
    ...(limit !== undefined && limit.interval > 0 && { rateLimit: { intervalMs: limit.interval, burst: limit.burst } }),
    files: [file, ...(pems?.files ?? [])],
  };
}

/** The certificates and the key of a configuration, inline or in files. */
class Pems {
  readonly files: string[] = [];

  constructor(
    private readonly folder: string,
    private readonly tls: TlsInput,
    private readonly report: Report,
  ) {}

  async read(): Promise<WebTls | undefined> {
    const cert = await this.#text('cert', 'certificate');
    const key = await this.#text('key', 'private key without a passphrase');
    const clientCa = await this.#text('client_ca', 'certificate');
    if (cert === undefined || key === undefined) return undefined;
    if (!arePair(cert, key))
      this.report.add(
        ['tls_server_config', this.tls.key === undefined ? 'key_file' : 'key'],
        'is not the key of the certificate',
        'give the two that were made together',
      );
    return { ...this.tls, cert, key, ...(clientCa !== undefined && { clientCa }) };
  }

  async #text(name: 'cert' | 'key' | 'client_ca', kind: PemKind): Promise<string | undefined> {
    const inline = this.tls[name];
    if (inline !== undefined) return this.#checked(inline, kind, name, '');
    const file = this.tls[`${name}_file`];
    if (file === undefined) return undefined;
    const path = resolve(this.folder, file);
    this.files.push(path);
    const text = await readTextFile(path, MAX_PEM_BYTES);
    if (typeof text === 'string') return this.#checked(text, kind, `${name}_file`, `${path} `);
    this.report.add(['tls_server_config', `${name}_file`], `${path} ${text.message}`, text.hint);
    return undefined;
  }

  #checked(text: string, kind: PemKind, key: string, file: string): string | undefined {
    if (isPem(text, kind)) return text;
    this.report.add(['tls_server_config', key], `${file}holds no ${kind} in PEM`, 'it has -----BEGIN …----- lines');
    return undefined;
  }
}

class Report {
  readonly #problems: string[] = [];

  constructor(
    private readonly file: string,
    private readonly reading: YamlReading,
  ) {}

  get hasProblems(): boolean {
    return this.#problems.length > 0;
  }

  add(path: Path, message: string, hint?: string): void {
    this.addAt(this.reading.positionOf(path), path, message, hint);
  }

  addAt({ line, column }: Position, path: Path, message: string, hint?: string): void {
    const what = formatPath(path);
    this.#problems.push(problemLine(`${this.file}:${line}:${column}${what === '' ? '' : `: ${what}`}`, message, hint));
  }

  error(): SettingsError {
    return new SettingsError(this.#problems);
  }
}
