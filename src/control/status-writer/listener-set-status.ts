// ListenerSetStatus: whether its Gateway took it, whether proxies serve it, and the same for each listener.

import { fieldOf, type KubeObject, textOf } from '../kubernetes/types.ts';
import { mergeConditions, type WantedCondition } from './conditions.ts';
import { describeListeners, judgeService } from './gateway-status.ts';
import { toWanted } from './route-status.ts';
import type { GatewayFacts, StatusInput } from './types.ts';

/** null: its Gateway is not there, or somebody else's. */
export function wantListenerSetStatus(input: StatusInput, facts: GatewayFacts): KubeObject | null {
  const { object, conditions, present, generation, now, entry } = input;
  const namespace = textOf(object, 'metadata', 'namespace');
  const gateway = facts.gatewayOfSet(namespace, textOf(object, 'metadata', 'name'));
  if (gateway === null) return null;
  const served = judgeService(facts, gateway.namespace, gateway.name);
  const said = conditions.find(({ type, subject }) => type === 'Accepted' && subject.of === 'object');
  const accepted = said === undefined ? acceptedSet : toWanted(said);
  const unsound = conditions.some(({ subject, status }) => subject.of === 'listener' && status === 'False');
  const whole: readonly WantedCondition[] =
    accepted.status === 'True'
      ? [unsound ? { ...accepted, reason: 'ListenersNotValid' } : accepted, served]
      : [accepted, { ...accepted, type: 'Programmed' }];
  const counts = gateway.sets.find(({ key }) => key === entry.key)?.listeners ?? [];
  return {
    conditions: mergeConditions(fieldOf(present, 'conditions'), whole, generation, now),
    listeners: describeListeners(input, counts, served),
  };
}

const acceptedSet: WantedCondition = { type: 'Accepted', status: 'True', reason: 'Accepted', message: '' };
