import { describe, expect, test } from 'bun:test';
import { encodeEndpointSlice, type SliceFacts } from './endpoint-slice.ts';

const facts: SliceFacts = {
  pod: 'ledger-1',
  service: 'ledger',
  namespace: 'bank',
  address: '127.0.0.1',
  port: 20_001,
  proxied: true,
  node: 'node-1',
  ready: true,
  terminating: false,
};

describe('encodeEndpointSlice', () => {
  test('says who, where and for which Service', () => {
    expect(JSON.parse(encodeEndpointSlice(facts))).toEqual({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'ledger-1',
        namespace: 'bank',
        labels: { 'kubernetes.io/service-name': 'ledger', 'weft.dev/proxied': 'true' },
      },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['127.0.0.1'],
          conditions: { ready: true, serving: true, terminating: false },
          nodeName: 'node-1',
          targetRef: { kind: 'Pod', name: 'ledger-1', namespace: 'bank' },
        },
      ],
      ports: [{ name: 'http', port: 20_001, protocol: 'TCP' }],
    });
  });

  test('without a sidecar there is no label that says so', () => {
    expect(encodeEndpointSlice({ ...facts, proxied: false })).not.toContain('proxied');
  });

  test.each([
    { name: 'ready', change: {}, ready: true, serving: true, terminating: false },
    { name: 'not ready', change: { ready: false }, ready: false, serving: false, terminating: false },
    { name: 'leaving', change: { terminating: true }, ready: false, serving: true, terminating: true },
  ])('conditions of one that is $name', ({ change, ready, serving, terminating }) => {
    const slice = JSON.parse(encodeEndpointSlice({ ...facts, ...change }));
    expect(slice.endpoints[0].conditions).toEqual({ ready, serving, terminating });
  });
});
