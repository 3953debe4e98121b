import { describe, expect, test } from 'bun:test';
import { formatIssue } from '../../base/index.ts';
import type { XdsNode } from '../../xds/index.ts';
import { parseScope, scopeKey } from './scope.ts';

function node(id: string, metadata: Readonly<Record<string, unknown>> = {}, zone = ''): XdsNode {
  return {
    id,
    cluster: 'edge',
    metadata,
    locality: { region: '', zone, subZone: '' },
    userAgent: '',
    clientFeatures: [],
  };
}

describe('parseScope', () => {
  test('defaults of a sidecar', () => {
    expect(parseScope(node('sidecar~ledger-0.bank', {}, 'z1'))).toEqual({
      ok: true,
      value: {
        role: 'sidecar',
        namespace: 'bank',
        zone: 'z1',
        node: '',
        labels: {},
        vhds: 'table',
        cds: 'unasked',
        calls: 'all',
        account: '',
        outbound: { host: '127.0.0.1', port: 15001 },
        inbound: { host: '0.0.0.0', port: 15006 },
        capture: false,
        ipv6: false,
        application: {},
        containerPorts: {},
      },
    });
  });

  test('everything a sidecar may say', () => {
    const said = {
      namespace: 'other',
      labels: { b: '2', a: '1' },
      listen: { outbound: '[::1]:1', inbound: '10.0.0.1:2' },
      application: { http: 3000, '81': '3001' },
      containerPorts: { web: 3002 },
      vhds: true,
      cds: 'on-demand',
      ipv6: true,
    };
    const scope = parseScope(node('sidecar~ledger-0.bank', said));
    expect(scope.ok && scope.value).toMatchObject({
      namespace: 'other',
      vhds: 'unasked',
      cds: 'on-demand',
      ipv6: true,
      outbound: { host: '::1', port: 1 },
      inbound: { host: '10.0.0.1', port: 2 },
      application: { http: 3000, '81': 3001 },
      containerPorts: { web: 3002 },
    });
  });

  test('a name of a node with dots is not the namespace of its agent', () => {
    const scopeOf = (metadata: Readonly<Record<string, unknown>>) =>
      parseScope(node('agent~worker-1.bank', metadata));
    expect(scopeOf({})).toMatchObject({ ok: true, value: { namespace: '', node: 'worker-1.bank' } });
    expect(scopeOf({ node: 'other' })).toMatchObject({ ok: true, value: { node: 'other' } });
    expect(scopeOf({ namespace: '' })).toMatchObject({ ok: true, value: { namespace: '' } });
    expect(scopeOf({ namespace: 'shop' })).toMatchObject({ ok: true, value: { namespace: 'shop' } });
  });

  test('agents and gateways', () => {
    const agent = parseScope(node('agent~node-1'));
    expect(agent.ok && agent.value).toEqual({
      role: 'agent',
      namespace: '',
      zone: '',
      node: 'node-1',
      vhds: 'table',
      cds: 'unasked',
      bind: { host: '0.0.0.0', port: 4140 },
    });
    const gateway = parseScope(node('gateway~edge-0.web'));
    expect(gateway.ok && gateway.value).toEqual({
      role: 'gateway',
      namespace: 'web',
      zone: '',
      node: '',
      gateway: 'edge',
      bind: null,
    });
  });

  const bad: readonly [string, Readonly<Record<string, unknown>>, string][] = [
    [
      'ledger',
      {},
      'id: must be sidecar~POD.NAMESPACE, agent~NODE, gateway~POD.NAMESPACE or grpc~POD.NAMESPACE (got ledger)',
    ],
    ['sidecar~ledger', {}, 'metadata.namespace: a sidecar must name its namespace'],
    [
      'sidecar~a.b',
      { listen: { inbound: '15006' } },
      'metadata.listen.inbound: must be host:port (got "15006")',
    ],
    ['sidecar~a.b', { listen: 'all' }, 'metadata.listen: must be an object (got "all")'],
    ['sidecar~a.b', { application: { http: 0 } }, 'metadata.application.http: must be a port number (got 0)'],
    [
      'sidecar~a.b',
      { containerPorts: { web: 'x' } },
      'metadata.containerPorts.web: must be a port number (got "x")',
    ],
    ['sidecar~a.b', { labels: { a: 1 } }, 'metadata.labels.a: must be a string (got 1)'],
    ['sidecar~a.b', { cds: true }, 'metadata.cds: must be on-demand (got true)'],
    ['agent~a', { cds: 'unasked' }, 'metadata.cds: must be on-demand (got "unasked")'],
    ['sidecar~a.b', { node: 1 }, 'metadata.node: must be a string (got 1)'],
    [
      'sidecar~a.b',
      { calls: 'ledger' },
      'metadata.calls: must be allowed, or at most 1000 names as ledger or ledger.bank (got "ledger")',
    ],
    [
      'sidecar~a.b',
      { calls: ['ledger', 'a.b.c'] },
      'metadata.calls: must be allowed, or at most 1000 names as ledger or ledger.bank (got ["ledger","a.b.c"])',
    ],
    [
      'sidecar~a.b',
      { calls: 'allowed' },
      'metadata.calls: wants metadata.account where it is allowed (got "allowed")',
    ],
    [
      'sidecar~a.b',
      { calls: ['ledger'], vhds: 'on-demand' },
      'metadata.calls: must not stand beside on-demand, which is told of what is called as it is called (got ["ledger"])',
    ],
    ['sidecar~a.b', { namespace: 1 }, 'metadata.namespace: must be a string (got 1)'],
  ];
  test.each(bad)('%s %p', (id, metadata, expected) => {
    const scope = parseScope(node(id, metadata));
    expect(scope.ok ? [] : scope.error.map((issue) => formatIssue(issue))).toContain(
      `node ${id}: ${expected}`,
    );
  });

  test('more names than a thousand are refused', () => {
    const calls = Array.from({ length: 1001 }, (_, at) => `s${at}`);
    expect(parseScope(node('sidecar~a.b', { calls })).ok).toBe(false);
    expect(parseScope(node('sidecar~a.b', { calls: calls.slice(1) })).ok).toBe(true);
  });

  test('whom it calls, by any name that a Service has, or by policies', () => {
    const calls = ['ledger', 'rates.market', 'ledger.b.svc', 'rates.market.svc.cluster.local'];
    expect(parseScope(node('sidecar~a.b', { calls, account: 'x' }))).toMatchObject({
      value: { calls: ['b/ledger', 'market/rates'], account: '' },
    });
    expect(parseScope(node('sidecar~a.b', { calls: 'allowed', account: 'x' }))).toMatchObject({
      value: { calls: 'allowed', account: 'x' },
    });
  });

  test('replicas with the same labels share a scope, whatever their names and the order of what they say', () => {
    const one = parseScope(node('sidecar~ledger-0.bank', { labels: { a: '1', b: '2' } }));
    const two = parseScope(node('sidecar~ledger-1.bank', { labels: { b: '2', a: '1' } }));
    const three = parseScope(node('sidecar~ledger-2.bank', { labels: { b: '2', a: '3' } }));
    if (!one.ok || !two.ok || !three.ok) throw new Error('not parsed');
    expect(scopeKey(two.value)).toBe(scopeKey(one.value));
    expect(scopeKey(three.value)).not.toBe(scopeKey(one.value));
  });
});
