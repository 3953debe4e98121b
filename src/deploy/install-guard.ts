// Who may reach the mesh's own pods, as NetworkPolicies: proxies ask for their configuration from every namespace, the
// pages of the control plane are for its own namespace and for those that are said to watch the mesh. They hold where
// the cluster's network enforces NetworkPolicy; elsewhere they do nothing.

import { meshPorts } from './limits.ts';
import { namesOf } from './revision.ts';

export interface GuardOptions {
  readonly namespace: string;
  readonly revision: string;
  /** The webhook is installed. */
  readonly webhook: boolean;
}

/** Of a namespace whose pods may read the control plane's metrics and pages: Prometheus, a console. */
const monitoringLabel = { 'weft.dev/monitoring': 'enabled' } as const;

export function createGuards({ namespace, revision, webhook }: GuardOptions): readonly object[] {
  const names = namesOf(revision);
  const tcp = (port: number) => ({ protocol: 'TCP', port });
  const pages = {
    from: [
      // An agent would lead anybody there who asks it to.
      { podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['weft-agent'] }] } },
      { namespaceSelector: { matchLabels: monitoringLabel } },
    ],
    ports: [tcp(meshPorts.controlAdmin)],
  };
  const control = [
    // Every pod of the cluster may have a proxy; nobody outside has.
    { from: [{ namespaceSelector: {} }], ports: [tcp(meshPorts.xds)] },
    pages,
  ];
  // The API server is no pod, and where it asks from is not known.
  const inject = [{ ports: [tcp(meshPorts.webhook)] }, pages];
  return [
    guard(names.control, namespace, control),
    ...(webhook ? [guard(names.inject, namespace, inject)] : []),
  ];
}

function guard(name: string, namespace: string, ingress: readonly object[]): object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec: { podSelector: { matchLabels: { app: name } }, policyTypes: ['Ingress'], ingress },
  };
}
