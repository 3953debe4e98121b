// One proxy, one measurement: what it used while a load ran, as CPU a request and share of a core.

import { type RateResult, saturate, sendAtRate } from './load.ts';
import type { Running } from './running.ts';
import { type Memory, readCpuNs, readMemory } from './usage.ts';

export interface Saturated {
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: number;
  readonly failed: number;
}

export interface AtRate extends RateResult {
  readonly rate: number;
  readonly cpuUsPerRequest: number;
  readonly corePercent: number;
}

export interface Idle {
  readonly corePercent: number;
  readonly memory: Memory;
}

export async function measureSaturated(peer: Running, seconds: number): Promise<Saturated> {
  const before = readCpuNs(peer.pid);
  const { requests, seconds: took, failed } = await saturate(peer.ports.listener, seconds);
  const usedUs = (readCpuNs(peer.pid) - before) / 1e3;
  return { requestsPerSecond: requests / took, cpuUsPerRequest: usedUs / requests, failed };
}

export async function measureAtRate(peer: Running, rate: number, seconds: number): Promise<AtRate> {
  const before = readCpuNs(peer.pid);
  const begun = performance.now();
  const result = await sendAtRate(peer.ports.listener, rate, seconds);
  const usedUs = (readCpuNs(peer.pid) - before) / 1e3;
  const wallUs = (performance.now() - begun) * 1e3;
  return { ...result, rate, cpuUsPerRequest: usedUs / result.sent, corePercent: (100 * usedUs) / wallUs };
}

export async function measureIdle(peer: Running, seconds: number): Promise<Idle> {
  const before = readCpuNs(peer.pid);
  await Bun.sleep(seconds * 1e3);
  const usedNs = readCpuNs(peer.pid) - before;
  return { corePercent: usedNs / (seconds * 1e7), memory: readMemory(peer.pid) };
}
