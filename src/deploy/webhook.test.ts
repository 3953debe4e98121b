import { describe, expect, test } from 'bun:test';
import { injectPod } from './inject.ts';
import type { PodObject } from './objects.ts';
import { answerReview } from './webhook.ts';

const options = { image: 'weft:1', xds: 'c:1' };
const pod: PodObject = { metadata: { name: 'a' }, spec: { containers: [{ name: 'app' }] } };
const ask = (object: unknown) => ({ kind: 'AdmissionReview', request: { uid: 'u1', object } });

/** RFC 6902 `add` on members of objects, which is all that is used. */
function apply(object: PodObject, patch: readonly { op: string; path: string; value: unknown }[]): unknown {
  const copy = structuredClone(object) as unknown as Record<string, unknown>;
  for (const { op, path, value } of patch) {
    expect(op).toBe('add');
    const parts = path.slice(1).split('/');
    const last = parts.pop() ?? '';
    const parent = parts.reduce((at, part) => at[part] as Record<string, unknown>, copy);
    parent[last] = value;
  }
  return copy;
}

function patched(object: PodObject): unknown {
  const review = answerReview(ask(object), options);
  expect(review?.response).toMatchObject({ uid: 'u1', allowed: true, patchType: 'JSONPatch' });
  return apply(object, JSON.parse(Buffer.from(review?.response.patch ?? '', 'base64').toString()));
}

describe('the webhook', () => {
  test.each<[name: string, pod: PodObject]>([
    ['a plain pod', pod],
    ['one without metadata', { spec: pod.spec }],
    [
      'one with all of it',
      { ...pod, spec: { ...pod.spec, initContainers: [{ name: 'i' }], volumes: [{ name: 'v' }] } },
    ],
  ])('does to %s what weft inject does', (_, object) => {
    const injection = injectPod(object, options);
    expect(injection.kind).toBe('injected');
    if (injection.kind === 'injected') expect(patched(object)).toEqual(injection.pod);
  });

  test('lets in as it is what it cannot inject, and says so where it was asked to', () => {
    const quiet = { uid: 'u1', allowed: true as const };
    expect(
      answerReview(ask({ ...pod, spec: { ...pod.spec, hostNetwork: true } }), options)?.response,
    ).toEqual(quiet);
    expect(answerReview(ask({ kind: 'Service' }), options)?.response).toEqual(quiet);
    const asked = { ...pod, metadata: { annotations: { 'weft.dev/skip-ports': 'x' } } };
    expect(answerReview(ask(asked), options)?.response.warnings?.[0]).toStartWith(
      'weft: not injected: annotation',
    );
  });

  test.each([null, 1, {}, { kind: 'AdmissionReview' }, { kind: 'AdmissionReview', request: { uid: 1 } }])(
    '%j is no review',
    (body) => {
      expect(answerReview(body, options)).toBeNull();
    },
  );
});
