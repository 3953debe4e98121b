// The Kubernetes objects of a simulated mesh, as a user and a cluster's controllers would write them.

import type { Store } from '../net/index.ts';
import { manifestDirectory } from './control.ts';
import { inboundPort, type PodOptions } from './pod.ts';

export interface PolicyOverrides {
  /** Fields of ServicePolicy.spec beside targetRefs (docs: api of the control plane). */
  readonly [field: string]: unknown;
}

export async function writeService(
  store: Store,
  namespace: string,
  name: string,
  appProtocol = 'http',
): Promise<void> {
  await writeObject(store, `service-${name}`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http', appProtocol }] },
  });
}

export async function writePolicy(
  store: Store,
  namespace: string,
  service: string,
  spec: PolicyOverrides,
): Promise<void> {
  await writeObject(store, `policy-${service}`, {
    apiVersion: 'weft.dev/v1alpha1',
    kind: 'ServicePolicy',
    metadata: { name: service, namespace },
    spec: { targetRefs: [{ group: '', kind: 'Service', name: service }], ...spec },
  });
}

/** A producer route of a Service to itself: the smallest change that every caller must notice. */
export async function writeRoute(
  store: Store,
  namespace: string,
  service: string,
  requestTimeout: string,
): Promise<void> {
  await writeObject(store, `route-${service}`, {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: service, namespace },
    spec: {
      parentRefs: [{ group: '', kind: 'Service', name: service }],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          timeouts: { request: requestTimeout },
          backendRefs: [{ name: service, port: 80 }],
        },
      ],
    },
  });
}

/** One slice a pod, so that a change is one small file. `proxied`: callers are told that it has a sidecar. */
export async function writeEndpoint(
  store: Store,
  pod: PodOptions,
  ready: boolean,
  proxied = true,
): Promise<void> {
  await writeObject(store, `endpoint-${pod.name}`, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      labels: { 'kubernetes.io/service-name': pod.service, 'weft.dev/proxied': String(proxied) },
    },
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: [pod.host],
        conditions: { ready, serving: ready, terminating: false },
        targetRef: { kind: 'Pod', name: pod.name, namespace: pod.namespace },
      },
    ],
    ports: [{ name: 'http', port: inboundPort, protocol: 'TCP' }],
  });
}

function writeObject(store: Store, name: string, value: unknown): Promise<void> {
  return store.write(`${manifestDirectory}/${name}.json`, new TextEncoder().encode(JSON.stringify(value)));
}
