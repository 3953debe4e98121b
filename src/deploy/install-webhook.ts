// The webhook's part of an installation: two replicas behind a Service, and the configuration by which the API server
// asks them about pods of the namespaces that carry the label. Its certificate is given, or the control plane makes and
// renews it, and tells the API server whom to trust.

import { keptCertificate, listWishKinds, revisionLabel } from '../control/index.ts';
import { annotations } from './annotations.ts';
import { hardened } from './hardened.ts';
import { meshPorts } from './limits.ts';
import { controlScrape } from './monitors.ts';
import { namesOf, webhookConfigurationName } from './revision.ts';
import { spreadOverNodes } from './spread.ts';

export interface WebhookCertificate {
  /** PEM; for `weft-inject.NAMESPACE.svc`. */
  readonly cert: string;
  readonly key: string;
  /** PEM of who signed it; the certificate itself where it signed itself. */
  readonly ca: string;
}

export interface WebhookOptions {
  readonly image: string;
  readonly namespace: string;
  readonly revision: string;
  /** Of the control plane. */
  readonly xds: string;
  readonly certificate: WebhookCertificate | 'kept';
  /** Nodes have the CNI plugin. */
  readonly cni: boolean;
}

const folder = '/etc/weft';
/** A pod that is being created waits for the answer. */
const timeoutSeconds = 5;

export function createWebhook(options: WebhookOptions): readonly object[] {
  const { namespace, revision, certificate } = options;
  const name = namesOf(revision).inject;
  const labels = { app: name };
  const metadata = { name, namespace, labels };
  const secret = (pair: WebhookCertificate) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': base64(pair.cert), 'tls.key': base64(pair.key) },
  });
  return [
    ...(certificate === 'kept' ? [] : [secret(certificate)]),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ name: 'https', port: 443, targetPort: meshPorts.webhook }] },
    },
    ...createAccount(name, namespace),
    createDeployment(options),
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
    },
    createConfiguration(options),
  ];
}

/** It reads what says how sidecars are to be, and nothing else; everybody may ask an API server for its version. */
function createAccount(name: string, namespace: string): readonly object[] {
  const groups = Map.groupBy(listWishKinds(), ({ group }) => group);
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules: [...groups].map(([group, kinds]) => ({
        apiGroups: [group],
        resources: kinds.map(({ plural }) => plural),
        verbs: ['list', 'watch'],
      })),
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ];
}

function createDeployment({ image, namespace, revision, xds, cni }: WebhookOptions): object {
  const names = namesOf(revision);
  const name = names.inject;
  const labels = { app: name };
  const container = {
    name: 'weft-inject',
    image,
    args: [
      ...['inject', '--webhook', '--image', image, '--xds', xds, ...names.args, ...(cni ? ['--cni'] : [])],
      ...[
        '--listen',
        `0.0.0.0:${meshPorts.webhook}`,
        '--cert',
        `${folder}/tls.crt`,
        '--key',
        `${folder}/tls.key`,
      ],
      ...['--metrics', `0.0.0.0:${meshPorts.controlAdmin}`],
    ],
    ports: [
      { name: 'https', containerPort: meshPorts.webhook },
      { name: 'http-admin', containerPort: meshPorts.controlAdmin },
    ],
    readinessProbe: {
      httpGet: { path: '/ready', port: meshPorts.webhook, scheme: 'HTTPS' },
      periodSeconds: 2,
    },
    resources: { requests: { cpu: '50m', memory: '64Mi' } },
    volumeMounts: [{ name: 'certificate', mountPath: folder, readOnly: true }],
    securityContext: hardened,
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: {
          labels,
          annotations: { [annotations.inject]: 'false', ...names.labels, ...controlScrape },
        },
        spec: {
          serviceAccountName: name,
          priorityClassName: 'system-cluster-critical',
          topologySpreadConstraints: spreadOverNodes(labels),
          containers: [container],
          volumes: [{ name: 'certificate', secret: { secretName: name } }],
        },
      },
    },
  };
}

/**
 * Fails open: a cluster whose webhook is away must still start pods. One that was let in without a sidecar shows as one
 * without. Of a certificate that is kept the control plane says whom to trust: until then nobody is, and it is open.
 */
function createConfiguration({ namespace, revision, certificate }: WebhookOptions): object {
  const name = namesOf(revision).inject;
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: {
      name: webhookConfigurationName(revision, namespace),
      ...(certificate === 'kept' ? { annotations: keptCertificate } : {}),
    },
    webhooks: [
      {
        name: 'inject.weft.dev',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Ignore',
        reinvocationPolicy: 'IfNeeded',
        timeoutSeconds,
        clientConfig: {
          service: { name, namespace, path: '/inject', port: 443 },
          ...(certificate === 'kept' ? {} : { caBundle: base64(certificate.ca) }),
        },
        namespaceSelector: selectorOf(revision),
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  };
}

/** A namespace that names a revision is that one's, whatever else it says, but for what wants no sidecars. */
function selectorOf(revision: string): object {
  if (revision === '')
    return {
      matchLabels: { [annotations.inject]: 'enabled' },
      matchExpressions: [{ key: revisionLabel, operator: 'DoesNotExist' }],
    };
  return {
    matchLabels: { [revisionLabel]: revision },
    matchExpressions: [{ key: annotations.inject, operator: 'NotIn', values: ['disabled', 'false'] }],
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
