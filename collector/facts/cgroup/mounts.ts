/** A cgroup hierarchy, as far as this process sees it. Paths are bytes, one a character (latin1). */
export interface CgroupMount {
  /** `major:minor` of its file system: what tells hierarchies apart. */
  readonly device: string;
  readonly path: string;
  /** cgroup v2. */
  readonly isUnified: boolean;
}

interface MountLine extends CgroupMount {
  /** The directory of the file system that is mounted. */
  readonly root: string;
  readonly isCgroup: boolean;
}

/** Where people expect cgroups. */
const USUAL = '/sys/fs/cgroup';

/**
 * The cgroup hierarchies of a `/proc/self/mountinfo`, each once: v2 first, because its ids are what
 * `bpf_get_current_cgroup_id` gives, then v1 in the order of the file. Of several mounts of one the one at or under
 * /sys/fs/cgroup counts, and one of the whole hierarchy before one of a part. What another mount hides does not count.
 */
export function cgroupMounts(mountinfo: string): CgroupMount[] {
  const lines = mountinfo.split('\n').flatMap((line) => parseLine(line) ?? []);
  const best = new Map<string, MountLine>();
  for (const [at, line] of lines.entries()) {
    if (!line.isCgroup || lines.some((other, i) => i > at && isAtOrUnder(line.path, other.path))) continue;
    const before = best.get(line.device);
    if (before === undefined || rank(line) > rank(before)) best.set(line.device, line);
  }
  const mounts = [...best.values()].map(({ device, path, isUnified }) => ({ device, path, isUnified }));
  return [...mounts.filter(({ isUnified }) => isUnified), ...mounts.filter(({ isUnified }) => !isUnified)];
}

/** `id parent major:minor root path options [optional…] - type source superoptions` (proc_pid_mountinfo(5)). */
function parseLine(line: string): MountLine | undefined {
  const fields = line.split(' ');
  const type = fields[fields.indexOf('-') + 1];
  const [, , device, root, path] = fields;
  if (device === undefined || root === undefined || path === undefined || type === undefined) return undefined;
  const isUnified = type === 'cgroup2';
  return { device, root: unescape(root), path: unescape(path), isUnified, isCgroup: isUnified || type === 'cgroup' };
}

/** Space, tab, newline and backslash are written in octal. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

function rank({ path, root }: MountLine): number {
  return (isAtOrUnder(path, USUAL) ? 2 : 0) + (root === '/' ? 1 : 0);
}

function isAtOrUnder(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}
