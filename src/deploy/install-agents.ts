// The agents of an installation: a proxy on every node, for services that send plain HTTP to it.

import { agentAccount, nodeAddressClass } from '../control/index.ts';
import { hardened } from './hardened.ts';
import { meshPorts } from './limits.ts';
import { identityArgs, identityMount, identityVolume } from './mesh-identity.ts';
import { proxyScrape, readyPort } from './monitors.ts';
import { namesOf, xdsAddress } from './revision.ts';

interface AgentOptions {
  readonly image: string;
  readonly namespace: string;
  readonly revision: string;
}

/**
 * A proxy on every node at `$NODE_IP:4140`, by a Service that has the addresses of the nodes, so that a new one serves
 * before the old one goes. There is one such Service: of several revisions the one that is applied last has the agents.
 */
export function createAgents({ image, namespace, revision }: AgentOptions): readonly object[] {
  const agent = { app: agentAccount };
  const folder = '/var/run/weft';
  const mount = [{ name: 'weft', mountPath: folder }, identityMount];
  const env = [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }];
  const bootstrap = [
    'bootstrap',
    '--role',
    'agent',
    '--xds',
    xdsAddress(namespace, revision),
    ...identityArgs,
    '--out',
    `${folder}/bootstrap.json`,
  ];
  const ready = { httpGet: { path: '/ready', port: meshPorts.readiness } };
  const proxy = {
    name: agentAccount,
    image,
    args: [
      ...['proxy', '-c', `${folder}/bootstrap.json`, '--state-dir', folder],
      ...['--readiness', `0.0.0.0:${meshPorts.readiness}`],
    ],
    ports: [{ name: 'http-agent', containerPort: meshPorts.agent }, readyPort],
    readinessProbe: { ...ready, periodSeconds: 2 },
    resources: { requests: { cpu: '100m', memory: '96Mi' } },
    volumeMounts: mount,
    securityContext: hardened,
  };
  return [
    createAccount(namespace),
    createService(namespace, agent),
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: agentAccount, namespace, labels: agent },
      spec: {
        selector: { matchLabels: agent },
        updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: {
          metadata: {
            labels: agent,
            annotations: { 'weft.dev/inject': 'false', ...namesOf(revision).labels, ...proxyScrape },
          },
          spec: {
            serviceAccountName: agentAccount,
            // It asks nothing of the API server.
            automountServiceAccountToken: false,
            priorityClassName: 'system-node-critical',
            tolerations: [{ operator: 'Exists' }],
            initContainers: [
              {
                name: 'bootstrap',
                image,
                args: bootstrap,
                env,
                volumeMounts: mount,
                securityContext: hardened,
              },
            ],
            containers: [proxy],
            volumes: [{ name: 'weft', emptyDir: {} }, identityVolume],
          },
        },
      },
    },
  ];
}

/** The control plane writes the addresses of the nodes (src/control/fleet/node-addresses.ts); no port is opened. */
function createService(namespace: string, selector: Readonly<Record<string, string>>): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: agentAccount, namespace },
    spec: {
      type: 'LoadBalancer',
      loadBalancerClass: nodeAddressClass,
      allocateLoadBalancerNodePorts: false,
      ipFamilyPolicy: 'PreferDualStack',
      // From the pods of its own node a connection keeps its address, and comes to the agent there.
      externalTrafficPolicy: 'Local',
      internalTrafficPolicy: 'Local',
      selector,
      ports: [{ name: 'http-agent', port: meshPorts.agent, targetPort: meshPorts.agent }],
    },
  };
}

/** Who may ask for what every namespace calls, and nobody else. */
function createAccount(namespace: string): object {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: agentAccount, namespace },
    automountServiceAccountToken: false,
  };
}
