// What ServicePolicies say of the sidecar of one pod: the policies in force on the Services of its namespace that
// select it. Where several say the same thing differently, the oldest is believed, by creation and then by name, as
// Gateway API resolves conflicts; of one resource the request and the limit are one thing, which is never put together
// from two policies: a request above another's limit would be a pod that no API server takes.

import type { ServiceObject, ServicePolicyObject } from '../schema/resources.ts';
import { compareAge } from './index-resources.ts';

/** Quantities of Kubernetes; one of them at least. */
export interface ResourceShare {
  readonly request: string | undefined;
  readonly limit: string | undefined;
}

interface Said<T> {
  readonly value: T;
  /** Name of the policy that says it. */
  readonly policy: string;
}

/** Absent: nobody says it. */
export interface SidecarWish {
  readonly cpu?: Said<ResourceShare>;
  readonly memory?: Said<ResourceShare>;
  readonly logLevel?: Said<string>;
}

/** `services` and `policies`: of the pod's namespace. */
export function decideWish(
  labels: Readonly<Record<string, string>>,
  services: Iterable<ServiceObject>,
  policies: Iterable<ServicePolicyObject>,
): SidecarWish {
  const selecting = new Set<string>();
  for (const { metadata, spec } of services) if (isSelected(spec, labels)) selecting.add(metadata.name);
  if (selecting.size === 0) return {};
  const wishes = listInForce(selecting, policies).map(readWish);
  // What an older one said stays.
  return Object.assign({}, ...wishes.toReversed());
}

/** No selector selects nothing; ExternalName has no pods, whatever its selector says. */
function isSelected(
  { selector, type }: ServiceObject['spec'],
  labels: Readonly<Record<string, string>>,
): boolean {
  const wanted = Object.entries(selector);
  if (type === 'ExternalName' || wanted.length === 0) return false;
  return wanted.every(([name, value]) => labels[name] === value);
}

/** Of two on one Service the older, as the status of the younger says; the oldest first. */
function listInForce(
  services: ReadonlySet<string>,
  policies: Iterable<ServicePolicyObject>,
): readonly ServicePolicyObject[] {
  const taken = new Set<string>();
  return [...policies].sort(compareAge).filter(({ spec }) => {
    const free = spec.targetRefs.filter(
      ({ name, sectionName }) => sectionName === undefined && services.has(name) && !taken.has(name),
    );
    for (const { name } of free) taken.add(name);
    return free.length > 0;
  });
}

function readWish({ metadata: { name: policy }, spec: { sidecar } }: ServicePolicyObject): SidecarWish {
  const { requests, limits } = sidecar?.resources ?? {};
  const cpu = shareOf(requests?.cpu, limits?.cpu);
  const memory = shareOf(requests?.memory, limits?.memory);
  const logLevel = sidecar?.logLevel;
  return {
    ...(cpu === null ? {} : { cpu: { value: cpu, policy } }),
    ...(memory === null ? {} : { memory: { value: memory, policy } }),
    ...(logLevel === undefined ? {} : { logLevel: { value: logLevel, policy } }),
  };
}

function shareOf(request: string | undefined, limit: string | undefined): ResourceShare | null {
  return request === undefined && limit === undefined ? null : { request, limit };
}
