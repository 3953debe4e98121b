// Floods of HTTP/2 while others are served: how far memory goes, and what the others feel.

import { type Flood, floods, startFlood } from '../../src/testing/http2-floods.ts';
import type { Figures } from './case.ts';
import { sendAtRateHttp2, usualHttp2Load } from './http2-load.ts';
import type { Running } from './running.ts';
import { readMemory } from './usage.ts';

/** Connections of one kind at once; one that is ended comes again. */
const floodersMax = 4;
const sampleMs = 100;
const servedPerSecond = 500;

/** Each kind of flood for `seconds`. */
export async function measureFloods(peer: Running, seconds: number): Promise<Figures> {
  const before = readMemory(peer.pid).rssMb;
  let highest = before;
  const sampler = setInterval(() => {
    highest = Math.max(highest, readMemory(peer.pid).rssMb);
  }, sampleMs);
  try {
    const others = sendAtRateHttp2(peer, servedPerSecond, seconds * floods.length, usualHttp2Load);
    let ended = 0;
    for (const flood of floods) ended += await floodFor(peer, flood, seconds);
    const { p50Ms, p99Ms, failed } = await others;
    return {
      'RSS growth MB': highest - before,
      'others, p50 ms': p50Ms,
      'others, p99 ms': p99Ms,
      // A figure and no failure of the run: what a flood does to others is what is measured.
      'others, failed': failed,
      'connections ended': ended,
    };
  } finally {
    clearInterval(sampler);
  }
}

/** Returns how many connections the proxy ended. */
async function floodFor(peer: Running, flood: Flood, seconds: number): Promise<number> {
  const deadline = performance.now() + seconds * 1000;
  let ended = 0;
  const again = async (): Promise<void> => {
    while (performance.now() < deadline) {
      const running = startFlood(flood, peer.place.listener);
      const timer = setTimeout(() => running.stop(), Math.max(1, deadline - performance.now()));
      await running.ended;
      clearTimeout(timer);
      if (performance.now() < deadline) ended += 1;
    }
  };
  await Promise.all(Array.from({ length: floodersMax }, again));
  return ended;
}
