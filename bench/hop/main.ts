// One HTTP/1.1 keep-alive hop to three endpoints with all defaults on: Weft beside Envoy, HAProxy and nginx,
// interleaved in one run, so that what the machine does to one it does to all. Figures are medians over the rounds;
// ratios are to Envoy.

import { measureAtRate, measureIdle, measureSaturated } from './measure.ts';
import { peers } from './peers.ts';
import { formatReport, median, type PeerFigures } from './report.ts';
import { type Running, startBackend, startPeer } from './running.ts';
import { readMemory } from './usage.ts';

export interface HopOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly rates: readonly number[];
  /** Names of peers; empty: all that are installed. */
  readonly only: readonly string[];
}

/** What must have passed through a proxy before its memory is called loaded. */
const loadedRequests = 100_000;

export async function benchHop(options: HopOptions): Promise<void> {
  const chosen = peers.filter((peer) => options.only.length === 0 || options.only.includes(peer.name));
  const present = chosen.filter((peer) => Bun.which(peer.program) !== null);
  for (const peer of chosen)
    if (!present.includes(peer)) console.log(`${peer.name}: not installed, left out`);
  const backend = await startBackend(3);
  const running: Running[] = [];
  try {
    const figures: PeerFigures[] = [];
    for (const [index, peer] of present.entries()) {
      running.push(await startPeer(peer, backend.ports.endpoints, index));
    }
    for (const peer of running) figures.push(await measureFresh(peer));
    for (let round = 1; round <= options.rounds; round++) {
      for (const [index, peer] of running.entries())
        await measureRound(peer, figures[index]!, options, round);
    }
    for (const [index, peer] of running.entries()) await measureLoaded(peer, figures[index]!);
    console.log(formatReport(figures));
  } finally {
    await Promise.all(running.map((peer) => peer.stop()));
    await backend.stop();
  }
}

async function measureFresh(peer: Running): Promise<PeerFigures> {
  const idle = await measureIdle(peer, 3);
  const first = await measureAtRate(peer, 500, 2);
  console.log(
    `${peer.name}: started, idle ${idle.memory.rssMb.toFixed(0)} MB, first 1,000 requests p99 ${first.p99Ms.toFixed(2)} ms`,
  );
  return {
    name: peer.name,
    startCpuMs: peer.startCpuMs,
    startWallMs: peer.startWallMs,
    idle,
    first,
    saturated: [],
    atRate: [],
    loaded: null,
  };
}

async function measureRound(
  peer: Running,
  figures: PeerFigures,
  options: HopOptions,
  round: number,
): Promise<void> {
  const saturated = await measureSaturated(peer, options.seconds);
  figures.saturated.push(saturated);
  for (const rate of options.rates) figures.atRate.push(await measureAtRate(peer, rate, options.seconds));
  console.log(
    `round ${round} ${peer.name}: ${saturated.requestsPerSecond.toFixed(0)} requests/s, ${saturated.cpuUsPerRequest.toFixed(1)} us/request`,
  );
}

async function measureLoaded(peer: Running, figures: PeerFigures): Promise<void> {
  const perSecond = median(figures.saturated.map((one) => one.requestsPerSecond));
  await measureSaturated(peer, Math.ceil(loadedRequests / Math.max(1, perSecond)));
  figures.loaded = readMemory(peer.pid);
}
