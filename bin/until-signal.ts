/**
 * Aborted by the first SIGINT or SIGTERM, or after a while; the second signal ends the process at once. For commands that come to
 * their end by themselves: those that serve have `termination.ts`.
 */
export function untilSignal(afterMs?: number): AbortController {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
      controller.abort();
    });
  }
  // Not AbortSignal.timeout: Node 20 forgets one that only AbortSignal.any refers to.
  if (afterMs !== undefined) setTimeout(() => controller.abort(), afterMs).unref();
  return controller;
}
