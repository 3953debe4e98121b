import { describe, expect, test } from 'bun:test';
import type { SecureFacts } from '../../net/index.ts';
import { clusterConfig, endpointConfig, ip } from '../testing/configs.ts';
import { Endpoint, type EndpointOwner } from './endpoint.ts';

const proven: SecureFacts = {
  version: 'TLSv1.3',
  cipher: '',
  alpn: null,
  serverName: null,
  resumed: false,
  peer: null,
  verified: true,
  expected: true,
  local: null,
};

describe('whose word about a refusal is believed', () => {
  const here = ip(80);
  const elsewhere = ip(80, '10.0.0.9');
  const cases: readonly (readonly [string, typeof here, boolean, SecureFacts | null, boolean])[] = [
    ['a proxy on this machine', here, true, null, true],
    ['an application on this machine', here, false, null, false],
    ['a proxy elsewhere, in plaintext', elsewhere, true, null, false],
    ['a proxy elsewhere, proven to be who was meant', elsewhere, true, proven, true],
    ['a proxy elsewhere, trusted whoever it is', elsewhere, true, { ...proven, expected: false }, false],
    ['an application elsewhere, proven', elsewhere, false, proven, false],
  ];
  for (const [name, address, proxied, facts, believed] of cases) {
    test(name, () => {
      const endpoint = new Endpoint({ config: clusterConfig() } as EndpointOwner, {
        ...endpointConfig(80),
        address,
        proxied,
      });
      expect(endpoint.trusts(facts)).toBe(believed);
    });
  }
});
