// Gateways of the mesh's class, for checks of what they need.

import { type KubeObject, textOf } from '../../../control/index.ts';
import { type CheckLine, type ClusterReader, overList } from './types.ts';

const controllerName = 'weft.dev/gateway-controller';
export const gatewayGroup = '/apis/gateway.networking.k8s.io/v1';

export function overGateways(
  reader: ClusterReader,
  judge: (gateways: readonly KubeObject[]) => readonly CheckLine[] | Promise<readonly CheckLine[]>,
): Promise<readonly CheckLine[]> {
  return overList(reader, `${gatewayGroup}/gatewayclasses`, (classes) => {
    const ours = new Set(
      classes
        .filter((one) => textOf(one, 'spec', 'controllerName') === controllerName)
        .map((one) => textOf(one, 'metadata', 'name')),
    );
    return overList(reader, `${gatewayGroup}/gateways`, (all) =>
      judge(all.filter((one) => ours.has(textOf(one, 'spec', 'gatewayClassName')))),
    );
  });
}
