// Certificates of TLS listeners: those that Gateways of the mesh's class name, and how long they last.

import { X509Certificate } from 'node:crypto';
import { type KubeObject, textOf } from '../../../control/index.ts';
import { listOf } from '../mesh-pods.ts';
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

const controllerName = 'weft.dev/gateway-controller';
/** A certificate that ends sooner is to be renewed now. */
const daysLeftMin = 14;
const group = '/apis/gateway.networking.k8s.io/v1';

export const certificatesCheck: ClusterCheck = {
  name: 'certificates',
  run: (reader, { nowMs }) =>
    overList(reader, `${group}/gatewayclasses`, (classes) => {
      const ours = new Set(
        classes
          .filter((one) => textOf(one, 'spec', 'controllerName') === controllerName)
          .map((one) => textOf(one, 'metadata', 'name')),
      );
      return overList(reader, `${group}/gateways`, async (gateways) => {
        const names = new Set(
          gateways.filter((one) => ours.has(textOf(one, 'spec', 'gatewayClassName'))).flatMap(secretsOf),
        );
        const lines = await Promise.all([...names].map((name) => judgeSecret(reader, name, nowMs)));
        return lines.length > 0 ? lines : [fine('no Gateway names one')];
      });
    }),
};

/** As `namespace/name`. */
function secretsOf(gateway: KubeObject): readonly string[] {
  return listOf(gateway, 'spec', 'listeners')
    .flatMap((listener) => listOf(listener, 'tls', 'certificateRefs'))
    .map(
      (ref) =>
        `${textOf(ref, 'namespace') || textOf(gateway, 'metadata', 'namespace')}/${textOf(ref, 'name')}`,
    );
}

async function judgeSecret(reader: ClusterReader, name: string, nowMs: number): Promise<CheckLine> {
  const [namespace = '', secret = ''] = name.split('/');
  const found = await reader.get(`/api/v1/namespaces/${namespace}/secrets/${secret}`);
  if (!found.ok) return unknown(`${name} cannot be read: ${found.error.message}`);
  if (found.value === null) return fault(`${name} is named by a Gateway, and is not there`);
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
