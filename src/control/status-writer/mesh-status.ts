// MeshStatus of XMesh objects that name this mesh's controller: whether it is accepted, and what of Gateway API the
// mesh can do.

import { fieldOf, type KubeObject, textOf } from '../kubernetes/types.ts';
import { meshController } from '../schema/gateway.ts';
import { mergeConditions } from './conditions.ts';
import { toWanted } from './route-status.ts';
import { meshFeatures } from './supported-features.ts';
import type { StatusInput } from './types.ts';

export function wantMeshStatus(input: StatusInput): KubeObject | null {
  const { object, present, conditions, generation, now } = input;
  if (textOf(object, 'spec', 'controllerName') !== meshController) return null;
  const accepted = conditions.filter(({ type }) => type === 'Accepted').map(toWanted);
  return {
    conditions: mergeConditions(fieldOf(present, 'conditions'), accepted, generation, now),
    supportedFeatures: meshFeatures.map((name) => ({ name })),
  };
}
