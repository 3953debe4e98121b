import { describe, expect, test } from 'bun:test';
import type { LogServiceConfig } from '../config/types.ts';
import { clusterConfig, endpointConfig, httpOptions, listenerConfig } from '../testing/configs.ts';
import { World } from '../testing/world.ts';
import { cut } from './cut.ts';
import { encodeFlags } from './encode-flags.ts';
import { logServiceLimits } from './limits.ts';

const config: LogServiceConfig = {
  of: 'http',
  logName: 'log',
  target: { cluster: 'absent', authority: 'absent', timeoutMs: 1_000, metadata: [] },
  flushMs: 1_000,
  bufferBytes: 16_384,
  tags: [],
  requestHeaders: [],
  responseHeaders: [],
  responseTrailers: [],
};

describe('flags of entries', () => {
  test('none', () => expect(encodeFlags('')).toBeNull());
  test('one that has no number', () => expect(encodeFlags('DO')).toBeNull());
  test('several', () => expect([...(encodeFlags('UF,URX') ?? [])]).toEqual([0x30, 1, 0x80, 1, 1]));
  test('refused by a service', () => expect([...(encodeFlags('UAEX') ?? [])]).toEqual([0x6a, 2, 8, 1]));
});

describe('what peers said', () => {
  test('is UTF-8', () => expect(cut(Buffer.from('ü').toString('latin1'))).toBe('ü'));
  test('or is made so', () => expect(cut('a\xff')).toBe('a\ufffd'));
  test('is bounded', () => expect(cut('a'.repeat(20_000)).length).toBe(logServiceLimits.textCharsMax));
});

test('a service that is not there holds nobody up, and takes no more than the bound', async () => {
  const world = new World();
  const accessLogs = [
    {
      kind: 'service' as const,
      service: { ...config, flushMs: 3_600_000, bufferBytes: 2 ** 31 },
      filter: null,
    },
  ];
  world.apply({
    listeners: [listenerConfig({ http: httpOptions({ accessLogs }) })],
    clusters: [clusterConfig()],
    endpoints: { ledger: [endpointConfig(9)] },
  });
  const dropped = () => world.plane.accessLogDropped;
  const source = world.listener().accessLogs?.[0];
  const log = source?.log as unknown as { add(entry: Uint8Array): void };
  for (let count = 0; count < 1_100; count++) log.add(new Uint8Array(1_024));
  expect(dropped()).toBe(1_100 - 1_024);
  await world.plane.stop();
  expect(dropped()).toBe(1_100);
});
