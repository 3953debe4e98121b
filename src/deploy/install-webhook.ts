// The webhook's part of an installation: two replicas behind a Service, and the configuration by which the API server
// asks them about pods of the namespaces that carry the label. Its certificate is given: the API server must be told
// whom to trust, and this program signs nothing.

import { hardened } from './hardened.ts';
import { annotations } from './inject.ts';
import { meshPorts } from './limits.ts';
import { controlScrape } from './monitors.ts';
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
  /** Of the control plane. */
  readonly xds: string;
  readonly certificate: WebhookCertificate;
}

export const webhookName = 'weft-inject';
const name = webhookName;
const labels = { app: name };
const folder = '/etc/weft';
/** A pod that is being created waits for the answer. */
const timeoutSeconds = 5;

export function createWebhook(options: WebhookOptions): readonly object[] {
  const { namespace, certificate } = options;
  const metadata = { name, namespace, labels };
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': base64(certificate.cert), 'tls.key': base64(certificate.key) },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ name: 'https', port: 443, targetPort: meshPorts.webhook }] },
    },
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

function createDeployment({ image, namespace, xds }: WebhookOptions): object {
  const container = {
    name,
    image,
    args: [
      ...['inject', '--webhook', '--image', image, '--xds', xds],
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
        metadata: { labels, annotations: { [annotations.inject]: 'false', ...controlScrape } },
        spec: {
          automountServiceAccountToken: false,
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
 * without.
 */
function createConfiguration({ namespace, certificate }: WebhookOptions): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: `${name}-${namespace}` },
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
          caBundle: base64(certificate.ca),
        },
        namespaceSelector: { matchLabels: { [annotations.inject]: 'enabled' } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
