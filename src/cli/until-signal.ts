// The end of a program that serves until it is told to go.

/** Listens from the call on: process 1 of a pod is deaf to signals that it does not handle. */
export function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
  });
}
