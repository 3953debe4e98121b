// Patience with what no virtual clock can hurry: other processes and real sockets. The time limit is there for a test
// that would hang, and is far from what even a busy machine needs, so that no test passes or fails by the speed of the
// machine.

const pauseMs = 5;

/** Thrown by what is asked: it can never hold any more, and why. It is not asked again. */
export class InVain extends Error {}

/**
 * Asks again until it holds; what is not there yet may throw. Rejects, naming what was waited for, when the time is up
 * or at once with {@link InVain}. The time is shorter than the runner's for a test, which would say nothing of it.
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 25_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  const asks = async (): Promise<boolean> => holds();
  do {
    if (
      await asks().catch((error: unknown) => {
        if (error instanceof InVain)
          throw new Error(`in vain: ${what}: ${error.message}`, { cause: error.cause });
        last = error;
        return false;
      })
    )
      return;
    await Bun.sleep(pauseMs);
  } while (performance.now() < deadline);
  throw new Error(`waited ${timeoutMs} ms in vain: ${what}`, { cause: last });
}
