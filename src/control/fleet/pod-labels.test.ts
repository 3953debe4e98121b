// A Gateway's infrastructure puts its pods behind nobody's Service.

import { expect, test } from 'bun:test';
import { podLabelsOf } from './pod-labels.ts';

const own = { 'gateway.networking.k8s.io/gateway-name': 'edge' };
const service = (name: string, selector?: Record<string, string>) => ({
  metadata: { name },
  spec: { selector },
});

test.each<readonly [string, Record<string, string>, ReturnType<typeof service>[], Record<string, string>]>([
  ['that no Service asks for stay', { team: 'web' }, [service('ledger', { app: 'ledger' })], { team: 'web' }],
  [
    'that a Service asks for go',
    { team: 'web', app: 'ledger' },
    [service('ledger', { app: 'ledger' })],
    { team: 'web' },
  ],
  [
    'of which a Service asks for more stay',
    { app: 'ledger' },
    [service('v2', { app: 'ledger', v: '2' })],
    { app: 'ledger' },
  ],
  ['of another value stay', { app: 'x' }, [service('ledger', { app: 'ledger' })], { app: 'x' }],
  [
    'beside a Service without a selector stay',
    { app: 'x' },
    [service('none'), service('empty', {})],
    { app: 'x' },
  ],
  ['that all together fit go', { a: '1', b: '2', c: '3' }, [service('both', { a: '1', b: '2' })], { c: '3' }],
  [
    'beside a Service of the Gateway’s own pods stay',
    { team: 'web' },
    [service('more', own)],
    { team: 'web' },
  ],
  [
    'by which it takes some of them stay',
    { team: 'web' },
    [service('some', { ...own, team: 'web' })],
    { team: 'web' },
  ],
])('labels %s', (_, asked, services, labels) => {
  expect(podLabelsOf(asked, own, services).labels).toEqual(labels);
});

test('what is left out is told, with whose it is', () => {
  expect(podLabelsOf({ app: 'ledger' }, own, [service('ledger', { app: 'ledger' })]).hidden).toEqual([
    { label: 'app', service: 'ledger' },
  ]);
});
