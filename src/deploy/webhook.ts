// The mutating webhook: an AdmissionReview in, one out, around the same injection as `weft inject`. A pod is never
// refused: what cannot be injected goes in as it is, with an annotation that says why, and where it asked for what
// cannot be a warning that kubectl shows (the API server's advice: fail open, and say so).

import type { SidecarWish } from '../control/index.ts';
import { annotations } from './annotations.ts';
import { type InjectOptions, injectPod } from './inject.ts';
import { isPod } from './manifests.ts';
import type { PodObject } from './objects.ts';
import type { WebhookOutcome } from './webhook-counts.ts';

export interface AdmissionReview {
  readonly apiVersion: 'admission.k8s.io/v1';
  readonly kind: 'AdmissionReview';
  readonly response: {
    readonly uid: string;
    readonly allowed: true;
    readonly warnings?: readonly string[];
    readonly patchType?: 'JSONPatch';
    /** Base64. */
    readonly patch?: string;
  };
}

export interface ReviewAnswer {
  readonly review: AdmissionReview;
  readonly outcome: WebhookOutcome;
}

/** What ServicePolicies say of the sidecar of a pod, which at admission may not name its namespace yet. */
export type AskWish = (namespace: string, labels: Readonly<Record<string, string>>) => SidecarWish;

/** Null: this is no review of admission.k8s.io/v1. */
export function answerReview(
  body: unknown,
  options: InjectOptions,
  askWish: AskWish = () => ({}),
): ReviewAnswer | null {
  const request = readRequest(body);
  if (request === null) return null;
  const { uid, namespace, pod } = request;
  if (pod === null) return { review: review(uid, {}), outcome: { kind: 'left', code: 'no-pod' } };
  const injection = injectPod(pod, options, askWish(namespace, pod.metadata?.labels ?? {}));
  switch (injection.kind) {
    case 'injected':
      return {
        review: review(uid, patch(createPatch(pod, injection.pod))),
        outcome: { kind: 'injected', code: '' },
      };
    case 'left': {
      const { code, reason } = injection;
      // Who asked for it, or has one, knows.
      const known = code === 'asked' || code === 'has-sidecar';
      return {
        review: review(uid, known ? {} : patch(annotate(pod, reason))),
        outcome: { kind: 'left', code },
      };
    }
    case 'fault': {
      const { reason } = injection;
      return {
        review: review(uid, { warnings: [`weft: not injected: ${reason}`], ...patch(annotate(pod, reason)) }),
        outcome: { kind: 'fault', code: 'annotation' },
      };
    }
  }
}

function patch(operations: readonly object[]) {
  return {
    patchType: 'JSONPatch',
    patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
  } as const;
}

/** Seen by `kubectl describe`, long after the warning. */
function annotate({ metadata }: PodObject, reason: string): readonly object[] {
  const value = { ...metadata?.annotations, [annotations.notInjected]: reason };
  return [
    ...(metadata === undefined ? [{ op: 'add', path: '/metadata', value: {} }] : []),
    { op: 'add', path: '/metadata/annotations', value },
  ];
}

function review(uid: string, more: Omit<AdmissionReview['response'], 'uid' | 'allowed'>): AdmissionReview {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid, allowed: true, ...more },
  };
}

interface ReviewRequest {
  readonly uid: string;
  readonly namespace: string;
  readonly pod: PodObject | null;
}

function readRequest(body: unknown): ReviewRequest | null {
  const { kind, request } = (body ?? {}) as {
    kind?: unknown;
    request?: { uid?: unknown; namespace?: unknown; object?: unknown } | null;
  };
  if (kind !== 'AdmissionReview' || typeof request?.uid !== 'string') return null;
  const { uid, namespace, object } = request;
  return {
    uid,
    namespace: typeof namespace === 'string' ? namespace : '',
    pod: isPod(object) ? object : null,
  };
}

/** `add` on a member replaces it where it is there (RFC 6902, 4.1). */
function createPatch(before: PodObject, after: PodObject): readonly object[] {
  const metadata = before.metadata === undefined ? [{ op: 'add', path: '/metadata', value: {} }] : [];
  return [
    ...metadata,
    { op: 'add', path: '/metadata/labels', value: after.metadata?.labels },
    { op: 'add', path: '/metadata/annotations', value: after.metadata?.annotations },
    { op: 'add', path: '/spec/initContainers', value: after.spec.initContainers },
    ...changed(before, after, 'containers'),
    ...changed(before, after, 'shareProcessNamespace'),
    { op: 'add', path: '/spec/volumes', value: after.spec.volumes },
  ];
}

function changed(before: PodObject, after: PodObject, field: string): readonly object[] {
  const value = after.spec[field];
  return before.spec[field] === value ? [] : [{ op: 'add', path: `/spec/${field}`, value }];
}
