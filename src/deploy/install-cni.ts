// The agent of the CNI plugin on every node of an installation. It enters networks of pods and writes two folders of
// its node; of the cluster it may read pods, and its own DaemonSet.

import { agentSocket } from './cni/types.ts';
import { meshPorts } from './limits.ts';
import { namesOf } from './revision.ts';

/** Folders of the nodes; some distributions have others. */
export interface CniFolders {
  readonly bin: string;
  readonly config: string;
}

export const cniFolders: CniFolders = { bin: '/opt/cni/bin', config: '/etc/cni/net.d' };
/** Of all objects. One for all revisions, as a node has one list of plugins. */
export const cniName = 'weft-cni';

interface CniOptions {
  readonly image: string;
  readonly namespace: string;
  readonly revision: string;
}

export function createCni(options: CniOptions, folders: CniFolders): readonly object[] {
  const { namespace } = options;
  const account = { name: cniName, namespace };
  const group = 'rbac.authorization.k8s.io';
  const bound = (kind: string) => ({
    roleRef: { apiGroup: group, kind, name: cniName },
    subjects: [{ kind: 'ServiceAccount', ...account }],
  });
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRole',
      metadata: { name: cniName },
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }],
    },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: cniName },
      ...bound('ClusterRole'),
    },
    {
      apiVersion: `${group}/v1`,
      kind: 'Role',
      metadata: account,
      rules: [{ apiGroups: ['apps'], resources: ['daemonsets'], resourceNames: [cniName], verbs: ['get'] }],
    },
    { apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata: account, ...bound('Role') },
    createDaemonSet(options, folders),
  ];
}

function createDaemonSet({ image, namespace, revision }: CniOptions, folders: CniFolders): object {
  const labels = { app: cniName };
  const socketFolder = agentSocket.slice(0, agentSocket.lastIndexOf('/'));
  // At the same paths as on the node, for the plugin and the runtime say them so.
  const mounts = [
    { name: 'bin', path: folders.bin },
    { name: 'config', path: folders.config },
    { name: 'socket', path: socketFolder },
    // Networks that come later are to be seen too.
    { name: 'networks', path: '/run/netns', mountPropagation: 'HostToContainer' },
  ];
  const container = {
    name: cniName,
    image,
    args: ['cni', '--bin-dir', folders.bin, '--config-dir', folders.config],
    env: [
      ...[
        ['NODE_NAME', 'spec.nodeName'],
        ['POD_NAMESPACE', 'metadata.namespace'],
        ['NODE_IP', 'status.hostIP'],
        ['HOST_IPS', 'status.hostIPs'],
      ].map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } })),
    ],
    readinessProbe: { httpGet: { host: '127.0.0.1', path: '/ready', port: meshPorts.cni }, periodSeconds: 2 },
    resources: { requests: { cpu: '10m', memory: '64Mi' } },
    volumeMounts: mounts.map(({ path, ...mount }) => ({ ...mount, mountPath: path })),
    securityContext: agentContext,
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: cniName, namespace, labels },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations: { 'weft.dev/inject': 'false', ...namesOf(revision).labels } },
        spec: {
          serviceAccountName: cniName,
          // It makes other pods' networks, so it has none of its own; and it finds pods by their processes.
          hostNetwork: true,
          hostPID: true,
          priorityClassName: 'system-node-critical',
          tolerations: [{ operator: 'Exists' }],
          containers: [container],
          volumes: mounts.map(({ name, path }) => ({
            name,
            hostPath: { path, type: 'DirectoryOrCreate' },
          })),
        },
      },
    },
  };
}

/** Rights over its node alone, and needed: to enter a network, to write rules there, to look through a process's. */
const agentContext = {
  runAsUser: 0,
  runAsGroup: 0,
  runAsNonRoot: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'], add: ['SYS_ADMIN', 'NET_ADMIN', 'NET_RAW', 'SYS_PTRACE'] },
  seccompProfile: { type: 'RuntimeDefault' },
  appArmorProfile: { type: 'Unconfined' },
} as const;
