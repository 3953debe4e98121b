// The authority by which proxies know the control plane: it lasts, and every namespace has what its pods are to trust.

import { X509Certificate } from 'node:crypto';
import { authorityName, type KubeObject, textOf } from '../../../control/index.ts';
import {
  type CheckLine,
  type ClusterCheck,
  fault,
  fine,
  listNames,
  overList,
  unknown,
  warning,
} from './types.ts';

/** Its successor is made when 73 days are left: with less than this nobody renews it. */
const daysLeftMin = 60;
const dayMs = 86_400_000;
const mapsPath = `/api/v1/configmaps?fieldSelector=metadata.name%3D${authorityName}`;

export const authorityCheck: ClusterCheck = {
  name: 'authority',
  async run(reader, { namespace, nowMs }) {
    const found = await reader.get(
      `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${authorityName}`,
    );
    if (!found.ok) return [unknown(`the Secret ${authorityName} cannot be read: ${found.error.message}`)];
    if (found.value === null)
      return [warning(`there is no Secret ${authorityName}: no replica made it, or all have --xds-cert`)];
    const roots =
      decode(textOf(found.value, 'data', 'ca.crt')) || decode(textOf(found.value, 'data', 'tls.crt'));
    const own = decode(textOf(found.value, 'data', 'tls.crt'));
    const maps = await overList(reader, '/api/v1/namespaces', (namespaces) =>
      overList(reader, mapsPath, (present) => [judgeRoots(namespaces, present, roots)]),
    );
    return [judgeLife(own, nowMs), ...maps];
  },
};

function judgeLife(pem: string, nowMs: number): CheckLine {
  try {
    const { validTo } = new X509Certificate(pem);
    const daysLeft = Math.floor((Date.parse(validTo) - nowMs) / dayMs);
    if (daysLeft < 0)
      return fault(`${authorityName} ended on ${validTo}: no proxy that starts is told anything`);
    if (daysLeft < daysLeftMin)
      return warning(`${authorityName} ends in ${daysLeft} days, and nobody renews it`);
    return fine(`${authorityName}: ${daysLeft} days more`);
  } catch {
    return fault(`the Secret ${authorityName} holds no certificate`);
  }
}

function judgeRoots(
  namespaces: readonly KubeObject[],
  maps: readonly KubeObject[],
  wanted: string,
): CheckLine {
  const holding = new Set(
    maps
      .filter((one) => textOf(one, 'data', 'ca.crt') === wanted)
      .map((one) => textOf(one, 'metadata', 'namespace')),
  );
  const staying = namespaces.filter((one) => textOf(one, 'metadata', 'deletionTimestamp') === '');
  const lacking = staying.map((one) => textOf(one, 'metadata', 'name')).filter((name) => !holding.has(name));
  return lacking.length === 0
    ? fine(`${staying.length} of ${staying.length} namespaces have what proxies are to trust`)
    : fault(
        `proxies cannot know the control plane in ${listNames(lacking)}: the ConfigMap ${authorityName} is not as it should be`,
      );
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
