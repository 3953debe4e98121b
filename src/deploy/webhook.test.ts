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
  const { review } = answerReview(ask(object), options)!;
  expect(review.response).toMatchObject({ uid: 'u1', allowed: true, patchType: 'JSONPatch' });
  return apply(object, JSON.parse(Buffer.from(review.response.patch ?? '', 'base64').toString()));
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

  test.each<[code: string, pod: PodObject, why: string]>([
    ['host-network', { ...pod, spec: { ...pod.spec, hostNetwork: true } }, 'it has the network of its node'],
    ['windows', { spec: { ...pod.spec, os: { name: 'windows' } } }, 'it runs on Windows'],
    [
      'privileged',
      { ...pod, spec: { containers: [{ name: 'cni', securityContext: { privileged: true } }] } },
      'container cni is privileged, and the pod does not ask for it',
    ],
    [
      'annotation',
      { ...pod, metadata: { annotations: { 'weft.dev/skip-ports': 'x' } } },
      'annotation weft.dev/skip-ports must be ports as 80,8080, or all or none (got x)',
    ],
  ])('leaves alone and says why: %s', (code, object, why) => {
    const { outcome, review } = answerReview(ask(object), options)!;
    expect(outcome.code).toBe(code);
    const said = (patched(object) as PodObject).metadata?.annotations;
    expect(said).toEqual({ ...object.metadata?.annotations, 'weft.dev/not-injected': why });
    expect(review.response.warnings).toEqual(
      code === 'annotation' ? [`weft: not injected: ${why}`] : undefined,
    );
  });

  test.each<[code: string, object: unknown]>([
    ['asked', { ...pod, metadata: { labels: { 'weft.dev/inject': 'false' } } }],
    ['has-sidecar', { spec: { containers: [{ name: 'weft-proxy' }] } }],
    ['no-pod', { kind: 'Service' }],
  ])('lets in as it is what knows why: %s', (code, object) => {
    expect(answerReview(ask(object), options)).toEqual({
      review: expect.objectContaining({ response: { uid: 'u1', allowed: true } }) as never,
      outcome: { kind: 'left', code },
    });
  });

  test('a privileged pod that asks for it gets its sidecar', () => {
    const containers = [{ name: 'app', securityContext: { privileged: true } }];
    const object = { metadata: { annotations: { 'weft.dev/inject': 'true' } }, spec: { containers } };
    expect(answerReview(ask(object), options)?.outcome.kind).toBe('injected');
  });

  test('a pod gets what ServicePolicies of the namespace that it is created in say', () => {
    const asked: unknown[] = [];
    const wish = {
      cpu: { value: { request: '300m', limit: '2' }, policy: 'ledger' },
      logLevel: { value: 'debug', policy: 'ledger' },
    };
    const body = {
      kind: 'AdmissionReview',
      request: { uid: 'u1', namespace: 'bank', object: { ...pod, metadata: { labels: { app: 'a' } } } },
    };
    const answer = answerReview(body, options, (...question) => {
      asked.push(question);
      return wish;
    });
    expect(asked).toEqual([['bank', { app: 'a' }]]);
    const changed = apply(
      body.request.object,
      JSON.parse(Buffer.from(answer?.review.response.patch ?? '', 'base64').toString()),
    ) as PodObject;
    expect(changed.metadata?.annotations?.['weft.dev/sidecar-policies']).toBe('ledger');
    const proxy = changed.spec.initContainers?.find(({ name }) => name === 'weft-proxy');
    expect(proxy).toMatchObject({
      resources: { requests: { cpu: '300m', memory: '64Mi' }, limits: { cpu: '2' } },
      args: expect.arrayContaining(['--log-level', 'debug']),
    });
  });

  test.each([null, 1, {}, { kind: 'AdmissionReview' }, { kind: 'AdmissionReview', request: { uid: 1 } }])(
    '%j is no review',
    (body) => {
      expect(answerReview(body, options)).toBeNull();
    },
  );
});
