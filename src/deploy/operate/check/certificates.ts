// Certificates of TLS listeners: those that Gateways of the mesh's class and their ListenerSets name, and how long they
// last.

import { X509Certificate } from 'node:crypto';
import { type KubeObject, textOf } from '../../../control/index.ts';
import { listOf } from '../mesh-pods.ts';
import { gatewayGroup, overGateways } from './mesh-gateways.ts';
import {
  type CheckLine,
  type ClusterCheck,
  type ClusterReader,
  fault,
  fine,
  overList,
  unknown,
  warning,
} from './types.ts';

/** A certificate that ends sooner is to be renewed now. */
const daysLeftMin = 14;

export const certificatesCheck: ClusterCheck = {
  name: 'certificates',
  run: (reader, { nowMs }) =>
    overGateways(reader, (gateways) =>
      overList(reader, `${gatewayGroup}/listenersets`, (sets) =>
        judgeAll(reader, [...gateways, ...attachedTo(gateways, sets)], nowMs),
      ),
    ),
};

/** Sets of listeners of these Gateways; whether a Gateway takes a set is said in the set's status. */
function attachedTo(gateways: readonly KubeObject[], sets: readonly KubeObject[]): readonly KubeObject[] {
  const names = new Set(
    gateways.map((one) => `${textOf(one, 'metadata', 'namespace')}/${textOf(one, 'metadata', 'name')}`),
  );
  return sets.filter((set) => {
    const namespace = textOf(set, 'spec', 'parentRef', 'namespace') || textOf(set, 'metadata', 'namespace');
    return names.has(`${namespace}/${textOf(set, 'spec', 'parentRef', 'name')}`);
  });
}

async function judgeAll(
  reader: ClusterReader,
  owners: readonly KubeObject[],
  nowMs: number,
): Promise<readonly CheckLine[]> {
  // The first that names a Secret is told of it.
  const named = new Map(
    owners.flatMap((one) => secretsOf(one).map((name) => [name, kindOf(one)] as const)).toReversed(),
  );
  const lines = await Promise.all([...named].map(([name, by]) => judgeSecret(reader, name, by, nowMs)));
  return lines.length > 0 ? lines : [fine('no Gateway and no ListenerSet names one')];
}

/** Items of a list say no kind; a set alone has a parent. */
function kindOf(object: KubeObject): string {
  return textOf(object, 'spec', 'parentRef', 'name') === '' ? 'Gateway' : 'ListenerSet';
}

/** As `namespace/name`. */
function secretsOf(owner: KubeObject): readonly string[] {
  return listOf(owner, 'spec', 'listeners')
    .flatMap((listener) => listOf(listener, 'tls', 'certificateRefs'))
    .map(
      (ref) => `${textOf(ref, 'namespace') || textOf(owner, 'metadata', 'namespace')}/${textOf(ref, 'name')}`,
    );
}

async function judgeSecret(
  reader: ClusterReader,
  name: string,
  by: string,
  nowMs: number,
): Promise<CheckLine> {
  const [namespace = '', secret = ''] = name.split('/');
  const found = await reader.get(`/api/v1/namespaces/${namespace}/secrets/${secret}`);
  if (!found.ok) return unknown(`${name} cannot be read: ${found.error.message}`);
  if (found.value === null) return fault(`${name} is named by a ${by}, and is not there`);
  try {
    const pem = Buffer.from(textOf(found.value, 'data', 'tls.crt'), 'base64');
    const { validTo } = new X509Certificate(pem);
    const daysLeft = Math.floor((Date.parse(validTo) - nowMs) / 86_400_000);
    if (daysLeft < 0) return fault(`${name} ended on ${validTo}`);
    return daysLeft < daysLeftMin
      ? warning(`${name} ends in ${daysLeft} days`)
      : fine(`${name}: ${daysLeft} days more`);
  } catch {
    return fault(`${name} holds no certificate`);
  }
}
