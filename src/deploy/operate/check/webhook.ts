// The webhook: its certificate is the one that the API server trusts, for the name that it asks, and for long enough;
// and a pod that is created (as a dry run) comes out of it with a sidecar.

import { X509Certificate } from 'node:crypto';
import { fieldOf, isKeptWebhook, type KubeObject, revisionLabel, textOf } from '../../../control/index.ts';
import { annotations } from '../../annotations.ts';
import { namesOf, webhookConfigurationName } from '../../revision.ts';
import { listOf } from '../mesh-pods.ts';
import { asksRevision } from './pod-security.ts';
import { describeRevision } from './revisions.ts';
import {
  type CheckLine,
  type CheckTarget,
  type ClusterCheck,
  type ClusterReader,
  fault,
  fine,
  overList,
  unknown,
  warning,
} from './types.ts';

/** A certificate that ends sooner is to be renewed now; of one that the control plane keeps, should have been. */
const daysLeftMin = { given: 30, kept: 7 } as const;

export const webhookCheck: ClusterCheck = {
  name: 'webhook',
  async run(reader, target) {
    const { namespace, revision } = target;
    const name = webhookConfigurationName(revision, namespace);
    const hook = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${name}`;
    const configuration = await reader.get(hook);
    if (!configuration.ok) return [unknown(configuration.error.message)];
    if (configuration.value === null) return await judgeAbsent(reader, revision);
    const secret = await reader.get(`/api/v1/namespaces/${namespace}/secrets/${namesOf(revision).inject}`);
    const trust = !secret.ok
      ? [unknown(`its certificate cannot be read: ${secret.error.message}`)]
      : judgeTrust(configuration.value, secret.value, target);
    return [...trust, ...(await judgeAnswer(reader, revision))];
  },
};

function judgeAbsent(reader: ClusterReader, revision: string): Promise<readonly CheckLine[]> {
  return overList(reader, '/api/v1/namespaces', (namespaces) => {
    const asking = namespaces
      .filter((one) => asksRevision(one, revision))
      .map((one) => textOf(one, 'metadata', 'name'));
    if (asking.length === 0) return [fine('not installed, and no namespace asks for it')];
    return [fault(`not installed, and these ask for sidecars: ${asking.join(', ')}`)];
  });
}

function judgeTrust(
  configuration: KubeObject,
  secret: KubeObject | null,
  { namespace, revision, nowMs }: CheckTarget,
): readonly CheckLine[] {
  const webhookName = namesOf(revision).inject;
  const [hook] = listOf(configuration, 'webhooks');
  const bundle = decode(textOf(hook ?? {}, 'clientConfig', 'caBundle'));
  const pem = decode(textOf(secret ?? {}, 'data', 'tls.crt'));
  if (pem === '') return [fault(`the Secret ${webhookName} has no certificate`)];
  const chain = readCertificates(pem);
  const roots = readCertificates(bundle);
  const [leaf] = chain ?? [];
  if (leaf === undefined) return [fault(`the certificate of the Secret ${webhookName} cannot be read`)];
  if (roots === null || roots.length === 0)
    return [fault('the caBundle of its configuration holds no certificate')];
  const host = `${webhookName}.${namespace}.svc`;
  const daysLeft = Math.floor((Date.parse(leaf.validTo) - nowMs) / 86_400_000);
  const lines: CheckLine[] = [];
  if (leaf.checkHost(host) === undefined) lines.push(fault(`its certificate is not for ${host}`));
  if (!isTrusted(leaf, chain ?? [], roots))
    lines.push(
      fault('its certificate is not signed by the caBundle of its configuration: no pod is injected'),
    );
  if (daysLeft < 0) lines.push(fault(`its certificate ended on ${leaf.validTo}: no pod is injected`));
  else if (daysLeft < daysLeftMin[isKeptWebhook(configuration) ? 'kept' : 'given'])
    lines.push(warning(`its certificate ends in ${daysLeft} days`));
  return lines.length > 0 ? lines : [fine(`its certificate is trusted, for ${daysLeft} days more`)];
}

/** The leaf, or an intermediate that came with it, is one of the roots or signed by one. */
function isTrusted(
  leaf: X509Certificate,
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): boolean {
  const isSignedBy = (one: X509Certificate, by: X509Certificate) =>
    one.fingerprint256 === by.fingerprint256 || (one.checkIssued(by) && one.verify(by.publicKey));
  let current = leaf;
  for (let depth = 0; depth <= chain.length; depth++) {
    if (roots.some((root) => isSignedBy(current, root))) return true;
    const next = chain.find((other) => other !== current && isSignedBy(current, other));
    if (next === undefined) return false;
    current = next;
  }
  return false;
}

function readCertificates(pem: string): readonly X509Certificate[] | null {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return null;
  }
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('latin1');
}

/** The namespace may be at any level of Pod Security. Without a user: one who is the proxy's is left alone. */
const restricted = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
} as const;

/** As a dry run nothing is made, and the API server asks its webhooks all the same. */
async function judgeAnswer(reader: ClusterReader, revision: string): Promise<readonly CheckLine[]> {
  const listed = await reader.list('/api/v1/namespaces');
  if (listed.kind !== 'objects') return [unknown('namespaces cannot be read, so it cannot be tried')];
  const asking = listed.objects.find((one) => asksRevision(one, revision));
  if (asking === undefined) return [unknown('no namespace asks for sidecars, so it cannot be tried')];
  const namespace = textOf(asking, 'metadata', 'name');
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'weft-check-', namespace },
    spec: { containers: [{ name: 'check', image: 'weft-check', securityContext: restricted }] },
  };
  const path = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
  const answer = await reader.api.request({ method: 'POST', path, body });
  if (!answer.ok) return [unknown(answer.error.message)];
  const { status, body: said } = answer.value;
  if (status !== 201)
    return [
      unknown(`a pod in ${namespace} was not taken as a dry run: ${status} ${textOf(said, 'message')}`),
    ];
  const injected = fieldOf(said, 'metadata', 'annotations', annotations.status) !== undefined;
  const by = textOf(said, 'metadata', 'annotations', revisionLabel);
  if (injected && by !== revision)
    return [fault(`a pod that is created in ${namespace} gets its sidecar from ${describeRevision(by)}`)];
  return injected
    ? [fine(`a pod that is created in ${namespace} gets a sidecar`)]
    : [
        fault(
          `a pod that is created in ${namespace} gets no sidecar: the API server does not reach the webhook`,
        ),
      ];
}
