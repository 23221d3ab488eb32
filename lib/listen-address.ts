export type ListenAddress = TcpAddress | InheritedAddress;

export interface TcpAddress {
  /** '' for all addresses. */
  readonly host: string;
  readonly port: number;
}

/** A socket that somebody else listens on already, and hands over. */
export interface InheritedAddress {
  readonly fd: number;
}

/** `:9435`, `localhost:9435`, `127.0.0.1:0`, `[::1]:9435`, `fd://0`; undefined for what is none. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const fd = /^fd:\/\/(\d{1,4})$/.exec(text)?.[1];
  if (fd !== undefined) return { fd: Number(fd) };
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  return match === null || port > 65_535 ? undefined : { host: match[1] ?? match[2] ?? '', port };
}

/** Of sockets that systemd hands over. */
const FIRST_DESCRIPTOR = 3;

/**
 * The descriptor that `fd://NUMBER` means. Sockets of systemd (`LISTEN_FDS`) are counted from 0, as ebpf_exporter does; a number beyond
 * them is a descriptor's own.
 */
export function inheritedDescriptor(number: number, environment: NodeJS.ProcessEnv, pid: number): number {
  const isOurs = environment['LISTEN_PID'] === String(pid);
  const count = isOurs ? Number(environment['LISTEN_FDS']) : 0;
  return number < count ? FIRST_DESCRIPTOR + number : number;
}
