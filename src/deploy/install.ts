// What `weft install` prints: the control plane and, where asked for, the node agents, as objects for `kubectl apply`.
// The role allows what the control plane's own table of watched kinds needs, and nothing else.

import {
  agentAccount,
  authorityName,
  customResourceDefinitions,
  type KubeObject,
  listWatchedKinds,
  statusKinds,
} from '../control/index.ts';
import { hardened } from './hardened.ts';
import { createAgents } from './install-agents.ts';
import { type CniFolders, createCni } from './install-cni.ts';
import { createGuards } from './install-guard.ts';
import { createWebhook, type WebhookCertificate } from './install-webhook.ts';
import { labelPart } from './labels.ts';
import { meshPorts } from './limits.ts';
import { tokenAudience } from './mesh-identity.ts';
import { controlScrape, createMonitors } from './monitors.ts';
import { namesOf, sharedLease, webhookConfigurationName, xdsAddress } from './revision.ts';
import { spreadOverNodes } from './spread.ts';

export interface InstallOptions {
  readonly image: string;
  readonly namespace: string;
  /** Of several side by side; '': the one without. */
  readonly revision: string;
  readonly replicas: number;
  /** A proxy on every node, for services that send plain HTTP to it. */
  readonly agents: boolean;
  /** The CNI plugin, by which injected pods need no rights; null: each sets its rules itself. */
  readonly cni: CniFolders | null;
  /** null: pods are injected by `weft inject` alone; kept: the control plane makes its certificate. */
  readonly webhook: WebhookCertificate | 'kept' | null;
  /** PodMonitors too, whose definitions must be there. */
  readonly monitors: boolean;
}

/** All of them with the label `app.kubernetes.io/part-of: weft`; those of a revision alone with its own too. */
export function createInstallation(options: InstallOptions): readonly KubeObject[] {
  const own = namesOf(options.revision).labels;
  return [
    ...listShared(options).map((object) => labelPart(object as KubeObject)),
    ...listOwn(options).map((object) => labelPart(object as KubeObject, own)),
  ];
}

/** Of all revisions. */
function listShared({ namespace, revision, cni }: InstallOptions): readonly object[] {
  // The CNI plugin's agent enters the nodes, which the stricter levels refuse; a revision without it does not know
  // whether another has one.
  const level = cni !== null ? 'privileged' : revision === '' ? 'restricted' : null;
  return [
    ...customResourceDefinitions(),
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: namespace,
        ...(level === null ? {} : { labels: { 'pod-security.kubernetes.io/enforce': level } }),
      },
    },
  ];
}

function listOwn(options: InstallOptions): readonly object[] {
  const { namespace, revision } = options;
  const names = namesOf(revision);
  const name = names.control;
  const account = { name, namespace };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules: [
        ...createRules(),
        ...createStatusRules(),
        ...gatewayRules,
        fenceRule,
        ...calicoRules,
        ...callerRules,
        webhookRule(webhookConfigurationName(revision, namespace)),
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    },
    ...createOwnRole(account, revision),
    createService(options),
    createDeployment(options),
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name, namespace },
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: name } } },
    },
    ...createGuards({ namespace, revision, webhook: options.webhook !== null }),
    ...(options.agents ? createAgents(options) : []),
    ...(options.cni === null ? [] : createCni(options, options.cni)),
    ...(options.monitors ? createMonitors(namespace, revision) : []),
    ...(options.webhook === null
      ? []
      : createWebhook({
          ...options,
          cni: options.cni !== null,
          xds: xdsAddress(namespace, revision),
          certificate: options.webhook,
        })),
  ];
}

/** Fences of Services are applied, taken back when nobody wants them any more, and found again by a new leader. */
const fenceRule = {
  apiGroups: ['networking.k8s.io'],
  resources: ['networkpolicies'],
  verbs: ['get', 'list', 'create', 'patch', 'delete'],
};

/** The same for Calico's, where it is: its API asks for the tier too, and for policies of it by a name of its own. */
const calicoRules = [
  {
    apiGroups: ['projectcalico.org'],
    resources: ['networkpolicies'],
    verbs: ['get', 'list', 'create', 'patch', 'delete'],
  },
  { apiGroups: ['projectcalico.org'], resources: ['tiers'], resourceNames: ['default'], verbs: ['get'] },
  {
    apiGroups: ['projectcalico.org'],
    resources: ['tier.networkpolicies'],
    resourceNames: ['default.*'],
    verbs: ['get', 'list', 'create', 'patch', 'delete'],
  },
];

/** Whose a token is; and what proxies are to trust, in every namespace (what is there is read with all the rest). */
const callerRules = [
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
  { apiGroups: [''], resources: ['configmaps'], resourceNames: [authorityName], verbs: ['patch', 'delete'] },
];

/** Whom the API server trusts to be the webhook of this revision, where its certificate is ours. */
const webhookRule = (name: string) => ({
  apiGroups: ['admissionregistration.k8s.io'],
  resources: ['mutatingwebhookconfigurations'],
  resourceNames: [name],
  verbs: ['get', 'update'],
});

/**
 * Gateways' proxies are applied, and taken back from a Gateway that is another's now. Before that it is looked whose an
 * object of the name is (its metadata alone; whoever may patch is answered with all of it anyhow).
 */
const gatewayRules = [
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'create', 'patch', 'delete'] },
  {
    apiGroups: [''],
    resources: ['services', 'serviceaccounts'],
    verbs: ['get', 'create', 'patch', 'delete'],
  },
];

/** One rule a group: list and watch of the kinds that are read. */
function createRules(): readonly object[] {
  const groups = Map.groupBy(listWatchedKinds(), ({ group }) => group);
  return [...groups].map(([group, kinds]) => ({
    apiGroups: [group],
    resources: kinds.map(({ plural }) => plural).sort(),
    verbs: ['get', 'list', 'watch'],
  }));
}

/** Status of the kinds that are the mesh's to speak of, and Events about them; specs are written by people alone. */
function createStatusRules(): readonly object[] {
  const kinds = listWatchedKinds().filter(({ kind }) => statusKinds.has(kind));
  const groups = Map.groupBy(kinds, ({ group }) => group);
  return [
    ...[...groups].map(([group, own]) => ({
      apiGroups: [group],
      resources: own.map(({ plural }) => `${plural}/status`).sort(),
      verbs: ['update'],
    })),
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
  ];
}

/**
 * In the mesh's own namespace: one replica at a time writes, by a Lease, and each has one of its own there, with what
 * its proxies say; and the authority by which proxies know the control plane is a Secret, as the webhook's certificate.
 */
function createOwnRole(
  account: { readonly name: string; readonly namespace: string },
  revision: string,
): readonly object[] {
  const { control, lease, inject } = namesOf(revision);
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: account,
      rules: [
        {
          apiGroups: ['coordination.k8s.io'],
          resources: ['leases'],
          verbs: ['create', 'delete', 'list', 'patch'],
        },
        {
          apiGroups: ['coordination.k8s.io'],
          resources: ['leases'],
          resourceNames: [sharedLease, lease],
          verbs: ['get', 'update'],
        },
        { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
        {
          apiGroups: [''],
          resources: ['secrets'],
          resourceNames: [authorityName, inject],
          verbs: ['get', 'update'],
        },
        // Addresses of the nodes, at which agents are reached.
        { apiGroups: [''], resources: ['services/status'], resourceNames: [agentAccount], verbs: ['patch'] },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: account,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: control },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    },
  ];
}

function createService({ namespace, revision }: InstallOptions): object {
  const name = namesOf(revision).control;
  const labels = { app: name };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels },
    spec: {
      selector: labels,
      ports: [
        { name: 'grpc-xds', port: meshPorts.xds, targetPort: meshPorts.xds },
        { name: 'http-admin', port: meshPorts.controlAdmin, targetPort: meshPorts.controlAdmin },
      ],
    },
  };
}

function createDeployment({ image, namespace, revision, replicas }: InstallOptions): object {
  const names = namesOf(revision);
  const name = names.control;
  const labels = { app: name };
  const probe = (path: string) => ({ httpGet: { path, port: meshPorts.controlAdmin } });
  const container = {
    name: 'weft-control',
    image,
    args: [
      ...['control', '--kubernetes', '--xds-tls', `0.0.0.0:${meshPorts.xds}`],
      ...['--xds-audience', tokenAudience],
      ...['--admin', `0.0.0.0:${meshPorts.controlAdmin}`, '--gateway-image', image, ...names.args],
    ],
    ports: [
      { name: 'grpc-xds', containerPort: meshPorts.xds },
      { name: 'http-admin', containerPort: meshPorts.controlAdmin },
    ],
    readinessProbe: { ...probe('/ready'), periodSeconds: 2 },
    livenessProbe: { ...probe('/healthz'), periodSeconds: 10 },
    resources: { requests: { cpu: '100m', memory: '128Mi' } },
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
      { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
    ],
    securityContext: hardened,
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels, annotations: { 'weft.dev/inject': 'false', ...names.labels, ...controlScrape } },
        spec: {
          serviceAccountName: name,
          priorityClassName: 'system-cluster-critical',
          topologySpreadConstraints: spreadOverNodes(labels),
          containers: [container],
        },
      },
    },
  };
}
