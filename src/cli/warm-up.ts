// What `weft proxy` does of warming up: each thread of a process compiles for itself.

import type { Log } from '../base/index.ts';
import {
  createFileStore,
  createPrivateNetwork,
  createSystemClock,
  createSystemRandom,
  createSystemResolver,
  releaseCodePages,
} from '../net/index.ts';
import { warmUp } from '../proxy/index.ts';

/** Until then the compiler's threads are at what the warm-up asked for, and bring pages back that only they need. */
const compilingMs = 2_000;

/** Begins at once, beside what is served already; `requests` 0: none. Then gives back what only starting needed. */
export function warmUpThread(requests: number, thread: number, log: Log): void {
  if (requests === 0) {
    releaseCodePages();
    return;
  }
  const begun = performance.now();
  void warmUp({
    clock: createSystemClock(),
    random: createSystemRandom(),
    network: createPrivateNetwork(),
    resolver: createSystemResolver(),
    store: createFileStore(),
    requests,
    name: `weft-warm-up-${process.pid}-${thread}`,
  }).then((answered) => {
    Bun.gc(true);
    releaseCodePages();
    setTimeout(releaseCodePages, compilingMs).unref();
    const tookMs = Math.round(performance.now() - begun);
    log.write('info', 'warmed up', { requests: answered, tookMs });
  });
}
