// GatewayClassStatus of classes that name this controller: accepted, and what of Gateway API it can do.

import { fieldOf, type KubeObject, textOf } from '../kubernetes/types.ts';
import { gatewayController } from '../schema/gateway.ts';
import { mergeConditions, type WantedCondition } from './conditions.ts';
import { supportedFeatures } from './supported-features.ts';
import type { StatusInput } from './types.ts';

const accepted: WantedCondition = { type: 'Accepted', status: 'True', reason: 'Accepted', message: '' };
const supported: WantedCondition = {
  type: 'SupportedVersion',
  status: 'True',
  reason: 'SupportedVersion',
  message: '',
};

export function wantClassStatus({ object, present, generation, now }: StatusInput): KubeObject | null {
  if (textOf(object, 'spec', 'controllerName') !== gatewayController) return null;
  const before = fieldOf(present, 'conditions');
  return {
    conditions: mergeConditions(before, [accepted, supported], generation, now),
    supportedFeatures: supportedFeatures.map((name) => ({ name })),
  };
}
