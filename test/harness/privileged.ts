/** Value for `skip` of tests that load BPF programs: a reason when this process may not. */
export const skipUnlessRoot: string | false = process.getuid?.() === 0 ? false : 'loading BPF programs needs root';
