import { expect, test } from 'bun:test';
import { kinds } from '../schema/resources.ts';
import { listWatchedKinds, pathOf } from './watched-kinds.ts';

test('every kind that the mesh reads has its place', () => {
  const watched = listWatchedKinds();
  expect(watched.map(({ group, kind }) => `${group}/${kind}`)).toEqual(
    kinds.map(({ group, kind }) => `${group}/${kind}`),
  );
});

test('paths', () => {
  const [service] = listWatchedKinds().filter(({ kind }) => kind === 'Service');
  const [gatewayClass] = listWatchedKinds().filter(({ kind }) => kind === 'GatewayClass');
  if (service === undefined || gatewayClass === undefined) throw new Error('not found');
  expect([
    pathOf(service, 'v1', ''),
    pathOf(service, 'v1', 'bank'),
    pathOf(gatewayClass, 'v1', 'bank'),
  ]).toEqual([
    '/api/v1/services',
    '/api/v1/namespaces/bank/services',
    '/apis/gateway.networking.k8s.io/v1/gatewayclasses',
  ]);
});
