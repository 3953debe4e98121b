// One proxy, one measurement: what it used while a load ran, as CPU a request and share of a core.

import type { Figures } from './case.ts';
import { holdStreams } from './held-streams.ts';
import { type Http2Load, saturateHttp2, sendAtRateHttp2 } from './http2-load.ts';
import { holdIdle } from './idle-connections.ts';
import { type SaturateOptions, saturate, sendAtRate, shakeHands } from './load.ts';
import { type MessageLoad, saturateMessages } from './message-load.ts';
import type { Saturation } from './request.ts';
import type { Running } from './running.ts';
import { readCpuNs, readMemory } from './usage.ts';

async function measure(peer: Running, load: () => Promise<Saturation>, unit: string): Promise<Figures> {
  const before = readCpuNs(peer.pid);
  const { requests, seconds, failed } = await load();
  const usedUs = (readCpuNs(peer.pid) - before) / 1e3;
  return { [`CPU us a ${unit}`]: usedUs / requests, [`${unit}s/s`]: requests / seconds, failed };
}

export function measureSaturated(
  peer: Running,
  seconds: number,
  options?: SaturateOptions,
): Promise<Figures> {
  return measure(peer, () => saturate(peer, seconds, options), 'request');
}

/** Over HTTP/2; `load` says how many streams, and of what. */
export function measureStreams(peer: Running, seconds: number, load: Http2Load): Promise<Figures> {
  return measure(peer, () => saturateHttp2(peer, seconds, load), 'request');
}

/** Streams of gRPC; what a message costs. */
export function measureMessages(peer: Running, seconds: number, load: MessageLoad): Promise<Figures> {
  return measure(peer, () => saturateMessages(peer, seconds, load), 'message');
}

export function measureHandshakes(peer: Running, seconds: number, resumed: boolean): Promise<Figures> {
  return measure(peer, () => shakeHands(peer, seconds, resumed), 'handshake');
}

/** `load`: over HTTP/2. */
export async function measureAtRate(
  peer: Running,
  rate: number,
  seconds: number,
  load: Http2Load | null = null,
): Promise<Figures> {
  const before = readCpuNs(peer.pid);
  const begun = performance.now();
  const result = await (load === null
    ? sendAtRate(peer, rate, seconds)
    : sendAtRateHttp2(peer, rate, seconds, load));
  const usedUs = (readCpuNs(peer.pid) - before) / 1e3;
  const wallUs = (performance.now() - begun) * 1e3;
  return {
    'CPU us a request': usedUs / result.sent,
    '% of a core': (100 * usedUs) / wallUs,
    'p50 ms': result.p50Ms,
    'p99 ms': result.p99Ms,
    'p99.9 ms': result.p999Ms,
    'generator late p99 ms': result.generatorLateMs,
    failed: result.failed,
  };
}

export function measureMemory(peer: Running): Figures {
  const { rssMb, pssMb, anonymousMb } = readMemory(peer.pid);
  return { 'RSS MB': rssMb, 'PSS MB': pssMb, 'anonymous MB': anonymousMb };
}

export async function measureIdle(peer: Running, seconds: number): Promise<Figures> {
  const before = readCpuNs(peer.pid);
  await Bun.sleep(seconds * 1e3);
  const usedNs = readCpuNs(peer.pid) - before;
  return { '% of a core': usedNs / (seconds * 1e7), ...measureMemory(peer) };
}

/**
 * What `count` connections cost that each made one request and then say nothing, some seconds after the last of them
 * opened.
 */
export async function measureConnections(
  peer: Running,
  count: number,
  settleSeconds: number,
  seconds: number,
): Promise<Figures> {
  const before = readMemory(peer.pid);
  const idle = await holdIdle(peer, count);
  try {
    await Bun.sleep(settleSeconds * 1000);
    const figures = await measureIdle(peer, seconds);
    const grownKb = (readMemory(peer.pid).pssMb - before.pssMb) * 1024;
    return { ...figures, 'kB a connection': grownKb / count, failed: count - idle.open };
  } finally {
    idle.close();
  }
}

/** What `count` streams cost that carried a message each way and then say nothing. */
export async function measureHeldStreams(peer: Running, count: number): Promise<Figures> {
  const before = readMemory(peer.pid);
  const held = await holdStreams(peer, count);
  try {
    await Bun.sleep(1000);
    const { rssMb, pssMb } = readMemory(peer.pid);
    return {
      'RSS MB': rssMb,
      'kB a stream': ((pssMb - before.pssMb) * 1024) / count,
      failed: count - held.open,
    };
  } finally {
    held.close();
  }
}
