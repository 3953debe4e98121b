// GatewayClassStatus of classes that name this controller: whether it is accepted, and what of Gateway
// API it can do.

import { fieldOf, type KubeObject, textOf } from '../kubernetes/types.ts';
import { gatewayController } from '../schema/gateway.ts';
import { mergeConditions, type WantedCondition } from './conditions.ts';
import { toWanted } from './route-status.ts';
import { supportedFeatures } from './supported-features.ts';
import type { StatusInput } from './types.ts';

const supported: WantedCondition = {
  type: 'SupportedVersion',
  status: 'True',
  reason: 'SupportedVersion',
  message: '',
};

export function wantClassStatus(input: StatusInput): KubeObject | null {
  const { object, present, conditions, generation, now } = input;
  if (textOf(object, 'spec', 'controllerName') !== gatewayController) return null;
  const before = fieldOf(present, 'conditions');
  const accepted = conditions.filter(({ type }) => type === 'Accepted').map(toWanted);
  return {
    conditions: mergeConditions(before, [...accepted, supported], generation, now),
    supportedFeatures: supportedFeatures.map((name) => ({ name })),
  };
}
