import { expect, test } from 'bun:test';
import type { FleetProxy } from '../deploy/index.ts';
import { describeFleet } from './proxies.ts';

const proxy: FleetProxy = {
  proxy: 'shop/a',
  namespace: 'shop',
  pod: 'a',
  role: 'sidecar',
  node: 'sidecar~a.shop',
  revision: 'next',
  version: '1.2.3',
  state: 'refused',
  sinceMs: 60_000,
  details: ['refused shop/b:80: too large'],
  control: 'weft-system/c1',
};

test('each proxy has a line, and what is to know of it one more', () => {
  const lost: FleetProxy = {
    ...proxy,
    proxy: 'shop/long-name',
    revision: '',
    state: 'unknown',
    sinceMs: 0,
    details: [],
    control: '',
  };
  const silent = { pod: 'weft-system/c2', view: null, reason: 'its pod is Pending' };
  expect(describeFleet([proxy, lost], [silent], 180_000)).toEqual([
    'PROXY           ROLE     REVISION  VERSION  STATE    SINCE  CONTROL PLANE',
    'shop/a          sidecar  next      1.2.3    refused  2m     c1',
    '  refused shop/b:80: too large',
    'shop/long-name  sidecar  -         1.2.3    unknown  -',
    'weft-system/c2 could not be asked: its pod is Pending',
  ]);
});

test('without a control plane nothing is known, and it is said', () => {
  expect(describeFleet([], [], 0).at(-1)).toBe(
    'no control plane was found: nothing is known of what proxies have',
  );
});
