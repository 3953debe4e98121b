// Whose an object is that has the name of one of ours.

import { expect, test } from 'bun:test';
import type { KubeObject } from '../kubernetes/types.ts';
import { isOurs, writeObject } from './object-writer.ts';
import { NamedObjects } from './testing/named-objects.ts';

const owner = { apiVersion: 'v1', kind: 'Gateway', name: 'edge', uid: 'u1' };
const applied = { manager: 'weft-control', operation: 'Apply' };
const path = '/apis/apps/v1/namespaces/shop/deployments/edge-weft';
const object = {
  ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
  metadata: { namespace: 'shop', name: 'edge-weft', ownerReferences: [owner] },
};
const item = { root: '/apis/apps/v1', plural: 'deployments', object };

test.each<readonly [string, KubeObject, boolean]>([
  ['one that a version before made', { ownerReferences: [owner], managedFields: [applied] }, true],
  ['one whose managers somebody cleared', { ownerReferences: [owner] }, true],
  [
    'of a Gateway that was made anew',
    { ownerReferences: [{ ...owner, uid: 'u0' }], managedFields: [applied] },
    true,
  ],
  ['of a Gateway of another’s before', { ownerReferences: [{ ...owner, uid: 'u0' }] }, false],
  ['a person’s', {}, false],
  ['a person’s, labelled as ours', { labels: { 'app.kubernetes.io/managed-by': 'weft-control' } }, false],
  [
    'of another Gateway of ours',
    { ownerReferences: [{ ...owner, name: 'b', uid: 'u2' }], managedFields: [applied] },
    false,
  ],
  [
    'of a Deployment of the name',
    { ownerReferences: [{ ...owner, kind: 'Deployment', uid: 'u0' }], managedFields: [applied] },
    false,
  ],
  ['applied by somebody else', { managedFields: [{ ...applied, manager: 'kubectl' }] }, false],
])('%s', (_, metadata, ours) => {
  expect(isOurs(metadata, object)).toBe(ours);
});

test('it is looked at by its metadata alone, and made without force', async () => {
  const api = new NamedObjects();
  expect(await writeObject(api, item, '')).toEqual({ kind: 'written', uid: 'object-1' });
  expect(api.asked.map(({ method, path, only }) => [method, path, only])).toEqual([
    ['GET', path, 'metadata'],
    ['APPLY', `${path}?fieldManager=weft-control`, undefined],
  ]);
});

test('ours is written by force, as the object that was seen and no other', async () => {
  const api = new NamedObjects();
  api.objects.set(path, { metadata: { uid: 'seen', ownerReferences: [owner] } });
  expect(await writeObject(api, item, '')).toEqual({ kind: 'written', uid: 'seen' });
  const [, write] = api.asked;
  expect(write?.path).toEndWith('&force=true');
  expect(write?.body).toMatchObject({ metadata: { uid: 'seen' } });
});

test('one without an owner is ours by its name', async () => {
  const api = new NamedObjects();
  api.objects.set(path, { metadata: { uid: 'theirs' } });
  const bare = { ...object, metadata: { namespace: 'shop', name: 'edge-weft' } };
  expect(await writeObject(api, { ...item, object: bare }, '')).toMatchObject({ kind: 'written' });
});

test('another’s is named with whose it is, and the words of a refusal are bounded', async () => {
  const api = new NamedObjects();
  api.objects.set(path, {
    metadata: { uid: 'x', ownerReferences: [{ kind: 'Gateway', name: 'b', uid: 'u2' }] },
  });
  expect(await writeObject(api, item, '')).toMatchObject({
    fault: { message: expect.stringContaining('Deployment edge-weft (apps/v1) is that of Gateway b') },
  });
  api.objects.clear();
  api.refuse = () => ({ status: 422, message: 'x'.repeat(5_000) });
  const refused = await writeObject(api, item, '');
  expect(refused.kind === 'failed' && (refused.fault?.message.length ?? 0)).toBeLessThan(600);
});
