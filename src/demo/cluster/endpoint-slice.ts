// The EndpointSlice of one replica, as a cluster's controllers would write it: one slice each, so that a change is one
// small file.

export interface SliceFacts {
  readonly pod: string;
  readonly service: string;
  readonly namespace: string;
  readonly address: string;
  /** The sidecar's inbound port where callers must name it, else the application's. */
  readonly port: number;
  readonly proxied: boolean;
  readonly node: string;
  readonly ready: boolean;
  readonly terminating: boolean;
}

/** As JSON, which is YAML too. `serving` stays true while terminating: what runs is finished. */
export function encodeEndpointSlice(facts: SliceFacts): string {
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: facts.pod,
      namespace: facts.namespace,
      labels: {
        'kubernetes.io/service-name': facts.service,
        ...(facts.proxied ? { 'weft.dev/proxied': 'true' } : {}),
      },
    },
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: [facts.address],
        conditions: {
          ready: facts.ready && !facts.terminating,
          serving: facts.ready,
          terminating: facts.terminating,
        },
        nodeName: facts.node,
        targetRef: { kind: 'Pod', name: facts.pod, namespace: facts.namespace },
      },
    ],
    ports: [{ name: 'http', port: facts.port, protocol: 'TCP' }],
  };
  return `${JSON.stringify(slice, null, 2)}\n`;
}
