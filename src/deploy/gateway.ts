// What runs a Gateway: a Deployment of proxies and the Service that clients reach them by. Its names and labels are
// those of GEP-1762, so that people find it and may add to it: replicas, resources, a PodDisruptionBudget, an
// autoscaler.

import {
  accountLabel,
  type FleetGateway,
  type FleetObject,
  gatewayClassLabel,
  gatewayNameLabel,
  labelCharsMax,
  labelValueOf,
  shortHashOf,
} from '../control/index.ts';
import { hardened } from './hardened.ts';
import { meshPorts } from './limits.ts';
import { identityArgs, identityMount, identityVolume } from './mesh-identity.ts';
import { proxyScrape, readyPort } from './monitors.ts';
import { namesOf } from './revision.ts';

export interface GatewayObjectOptions {
  readonly image: string;
  /** Of the control plane: `host:port`. */
  readonly xds: string;
  /** Of that control plane; '': it has none. */
  readonly revision: string;
}

const prefix = 'gateway.networking.k8s.io';
const folder = '/var/run/weft';

export function createGatewayObjects(
  gateway: FleetGateway,
  options: GatewayObjectOptions,
): readonly FleetObject[] {
  const { namespace, className, name, uid } = gateway;
  const own = { [gatewayNameLabel]: labelValueOf(name), [gatewayClassLabel]: labelValueOf(className) };
  const owner = { apiVersion: `${prefix}/v1`, kind: 'Gateway', name, uid, controller: true };
  const metadata = {
    name: objectNameOf(name, className),
    namespace,
    labels: { ...gateway.labels, ...own },
    annotations: gateway.annotations,
    ownerReferences: [owner],
  };
  return [
    // Whom policies let in where they mean the Gateway, and nobody else.
    {
      root: '/api/v1',
      plural: 'serviceaccounts',
      object: { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    },
    {
      root: '/apis/apps/v1',
      plural: 'deployments',
      object: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata,
        spec: deploymentSpec(gateway, metadata.name, own, options),
      },
    },
    {
      root: '/api/v1',
      plural: 'services',
      object: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata,
        spec: {
          type: 'LoadBalancer',
          // The one that a Service can ask for by itself; who balances may know more by annotations.
          ...(gateway.addresses[0] === undefined ? {} : { loadBalancerIP: gateway.addresses[0] }),
          selector: own,
          ports: gateway.ports.map((port) => ({
            name: `port-${port}`,
            protocol: 'TCP',
            port,
            targetPort: port,
          })),
        },
      },
    },
  ];
}

/**
 * `<gateway>-<class>`; where that is too long, a part of it and a hash of all. A Service's name has no dots, so a hash
 * tells `a.b` from `a-b`.
 */
function objectNameOf(name: string, className: string): string {
  const asked = `${name}-${className}`;
  const plain = asked.replaceAll('.', '-');
  const whole = plain === asked ? plain : `${plain}-${shortHashOf(asked)}`;
  if (whole.length <= labelCharsMax && /^[a-z]/.test(whole)) return whole;
  return `weft-${plain.slice(0, 40).replace(/-+$/, '')}-${shortHashOf(asked)}`;
}

/** Nothing of how many: that is the autoscaler's, or one where there is none. */
function deploymentSpec(
  gateway: FleetGateway,
  account: string,
  own: Readonly<Record<string, string>>,
  { image, xds, revision }: GatewayObjectOptions,
) {
  const volumeMounts = [{ name: 'weft', mountPath: folder }, identityMount];
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const bootstrap = {
    name: 'bootstrap',
    image,
    args: [
      ...['bootstrap', '--role', 'gateway', '--workload', gateway.name],
      ...['--xds', xds, ...identityArgs, '--out', `${folder}/bootstrap.json`],
    ],
    env: [field('POD_NAME', 'metadata.name'), field('POD_NAMESPACE', 'metadata.namespace')],
    volumeMounts,
    securityContext: hardened,
  };
  const proxy = {
    name: 'weft-gateway',
    image,
    args: [
      ...['proxy', '-c', `${folder}/bootstrap.json`, '--state-dir', folder],
      ...['--readiness', `0.0.0.0:${meshPorts.readiness}`],
    ],
    ports: [...gateway.ports.map((containerPort) => ({ containerPort, protocol: 'TCP' })), readyPort],
    readinessProbe: { httpGet: { path: '/ready', port: meshPorts.readiness }, periodSeconds: 2 },
    resources: { requests: { cpu: '100m', memory: '96Mi' } },
    volumeMounts,
    securityContext: hardened,
  };
  return {
    selector: { matchLabels: own },
    // A new proxy serves before an old one goes.
    strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    template: {
      metadata: {
        labels: { ...gateway.podLabels, ...own, [accountLabel]: account },
        annotations: {
          ...proxyScrape,
          ...gateway.annotations,
          'weft.dev/inject': 'false',
          ...namesOf(revision).labels,
        },
      },
      spec: {
        serviceAccountName: account,
        // It asks nothing of the API server.
        automountServiceAccountToken: false,
        // Listeners have low ports, and no program here is root.
        securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] },
        initContainers: [bootstrap],
        containers: [proxy],
        volumes: [{ name: 'weft', emptyDir: {} }, identityVolume],
      },
    },
  };
}
