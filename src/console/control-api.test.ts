import { expect, test } from 'bun:test';
import { type MeshPage, readMeshPage } from './control-api.ts';

function page(ackedVersion: string, error = '', sentVersion = ackedVersion, connected = true): MeshPage {
  const types = [{ sentVersion, ackedVersion, ackedAtMs: 9_000, error }];
  const proxy = {
    node: 'sidecar~a-0.bank',
    role: 'sidecar',
    workload: 'a',
    namespace: 'bank',
    admin: '127.0.0.1:1',
    weft: '0.1.0',
  };
  const issue = { object: 'bank/HTTPRoute/a', field: 'spec.rules', rule: 'must not be empty', value: '[]' };
  return {
    atMs: 10_000,
    services: [{ id: 'bank/a' }],
    proxies: [{ ...proxy, connected, types }],
    findings: [{ file: 'a.yaml', line: 3, issue }],
  };
}

test('a proxy is a caller by namespace and workload, with the age of what it accepted', () => {
  const [proxy] = readMeshPage(page('v1')).proxies;
  expect([proxy?.workload, proxy?.ageSeconds, proxy?.nack]).toEqual(['bank/a', 1, null]);
});

test('a NACK is shown with its text', () => {
  expect(readMeshPage(page('v1', 'field x is not supported')).proxies[0]?.nack).toBe(
    'field x is not supported',
  );
});

test('the version of the mesh changes with any of its parts', () => {
  expect(readMeshPage(page('v1')).version).not.toBe(readMeshPage(page('v2')).version);
  expect(readMeshPage(page('')).version).toBe('');
});

test('a fault names object, place, field, rule and value', () => {
  expect(readMeshPage(page('v1')).issues).toEqual([
    { object: 'bank/HTTPRoute/a in a.yaml:3', text: 'spec.rules: must not be empty (got [])' },
  ]);
});

test.each([
  ['acknowledged', page('v1'), 'in sync'],
  ['sent and not yet acknowledged', page('v1', '', 'v2'), 'pending'],
  ['refused', page('v1', 'no', 'v2'), 'refused'],
  ['nothing was sent', page('', '', ''), 'nothing sent'],
  ['not connected', page('v1', '', 'v1', false), 'not connected'],
] as const)('a proxy is in sync when what was sent last was acknowledged: %s', (_, given, sync) => {
  expect(readMeshPage(given).proxies[0]?.sync).toBe(sync);
});
