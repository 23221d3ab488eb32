export interface ListenAddress {
  /** '' for all addresses. */
  readonly host: string;
  readonly port: number;
}

/** `:9435`, `localhost:9435`, `127.0.0.1:0`, `[::1]:9435`; undefined for what is none. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  return match === null || port > 65_535 ? undefined : { host: match[1] ?? match[2] ?? '', port };
}
