// Which Gateways are let go of.

import { expect, test } from 'bun:test';
import type { KubeObject } from '../kubernetes/types.ts';
import { objectKey } from '../source/types.ts';
import { type FleetGateway, isReleasedGateway } from './list-gateways.ts';
import { revisionOfGateway } from './revisions.ts';

const edge: FleetGateway = {
  namespace: 'shop',
  name: 'edge',
  uid: 'u1',
  className: 'weft',
  ports: [80],
  addresses: [],
  labels: {},
  podLabels: {},
  annotations: {},
};

const classes: Readonly<Record<string, string>> = {
  ours: 'weft.dev/gateway-controller',
  theirs: 'example.com/controller',
};

test.each<readonly [string, KubeObject | null, string, boolean]>([
  ['gone', null, 'u1', true],
  ['another of its name', { spec: { gatewayClassName: 'weft' } }, 'u2', true],
  ['ours', { spec: { gatewayClassName: 'weft' } }, 'u1', false],
  ['of a class of ours', { spec: { gatewayClassName: 'ours' } }, 'u1', false],
  ['of a class of theirs', { spec: { gatewayClassName: 'theirs' } }, 'u1', true],
  ['of a class that is not there', { spec: { gatewayClassName: 'gone' } }, 'u1', false],
  ['at fault', { spec: { gatewayClassName: 7 } }, 'u1', false],
])('a Gateway that is %s', (_, value, uid, released) => {
  const objects = new Map<string, KubeObject>();
  if (value !== null) objects.set(objectKey('shop', 'Gateway', 'edge'), value);
  for (const [name, controllerName] of Object.entries(classes))
    objects.set(objectKey('', 'GatewayClass', name), { spec: { controllerName } });
  const source = {
    objectOf: (key: string) => objects.get(key) ?? null,
    versionOf: () => ({ path: '', uid, generation: 1, resourceVersion: '1', status: {} }),
  };
  expect(isReleasedGateway(source, edge)).toBe(released);
});

test.each([
  ['names none, nor does its namespace', {}, {}, ''],
  ['is in a namespace that names one', {}, { 'weft.dev/rev': 'next' }, 'next'],
  ['names another than its namespace', { 'weft.dev/rev': 'old' }, { 'weft.dev/rev': 'next' }, 'old'],
  ['is in a namespace that is not known', {}, null, ''],
])('a Gateway that %s', (_, labels, namespace, revision) => {
  const of = (labels: object) => ({ metadata: { labels } });
  expect(revisionOfGateway(of(labels), namespace === null ? null : of(namespace))).toBe(revision);
});
