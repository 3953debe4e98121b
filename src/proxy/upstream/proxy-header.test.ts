import { describe, expect, test } from 'bun:test';
import { parseProxyHeader } from '../../wire/proxy-protocol/index.ts';
import { clusterConfig, endpointConfig, ip } from '../testing/configs.ts';
import { World } from '../testing/world.ts';
import { encodePreface } from './proxy-header.ts';

const client = (port: number, tlvs: readonly { type: number; value: Uint8Array }[] = []) => ({
  id: port,
  closed: false,
  remote: ip(port, '10.0.0.1'),
  local: ip(80, '10.0.0.2'),
  tlvs,
});

describe('encodePreface', () => {
  test('our own connections are nobody’s', () => {
    expect(Buffer.from(encodePreface({ version: 1, tlvs: [] }, null)).toString()).toBe('PROXY UNKNOWN\r\n');
    const local = parseProxyHeader(encodePreface({ version: 2, tlvs: 'all' }, null));
    expect(local.kind === 'header' && local.header.ends).toBeNull();
  });

  test('what a client’s header had that does not fit is left out, its ends are not', () => {
    const large = Array.from({ length: 8 }, (_, type) => ({
      type: 0xe0 + type,
      value: new Uint8Array(60_000),
    }));
    const parsed = parseProxyHeader(encodePreface({ version: 2, tlvs: 'all' }, client(1, large)));
    expect(parsed.kind === 'header' && parsed.header.tlvs).toEqual([]);
    expect(parsed.kind === 'header' && parsed.header.ends?.source).toEqual(ip(1, '10.0.0.1'));
  });
});

test('connections of many clients: each client has its own, and those of nobody are forgotten', () => {
  const world = new World();
  const config = clusterConfig({ proxyHeader: { version: 2, tlvs: [] } });
  world.apply({ clusters: [config], endpoints: { ledger: [endpointConfig(9)] } });
  const endpoint = world.cluster().endpoints[0]!;
  const first = endpoint.poolFor(1, false, client(1));
  expect(endpoint.poolFor(1, false, client(1))).toBe(first);
  expect(endpoint.poolFor(1, false, client(2))).not.toBe(first);
  const used = new Set(Array.from({ length: 5_000 }, (_, port) => endpoint.poolFor(1, false, client(port))));
  expect(used.size).toBeGreaterThan(4_000);
  expect(endpoint.poolFor(1, false, client(1))).not.toBe(first);
  expect(endpoint.connections).toBe(0);
});
