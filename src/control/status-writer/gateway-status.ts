// GatewayStatus: whether it is accepted, whether proxies serve it, its addresses, and the same for each listener.

import { fieldOf, type KubeObject, textOf } from '../kubernetes/types.ts';
import { kindsOf } from '../model/listeners.ts';
import type { Condition } from '../model/status.ts';
import type { GatewayModel } from '../model/types.ts';
import { mergeConditions, type WantedCondition } from './conditions.ts';
import { listOf, toWanted } from './route-status.ts';
import type { GatewayFacts, StatusInput } from './types.ts';

const gatewayGroup = 'gateway.networking.k8s.io';

export function wantGatewayStatus(input: StatusInput, facts: GatewayFacts): KubeObject | null {
  const namespace = textOf(input.object, 'metadata', 'namespace');
  const name = textOf(input.object, 'metadata', 'name');
  const model = facts.gateway(namespace, name);
  if (model === null) return unreadable(input, facts);
  const addresses = facts.addresses(namespace, name);
  const served = judgeService(facts, namespace, name);
  const whole = input.conditions.filter(({ subject }) => subject.of === 'object').map(toWanted);
  const accepted = whole.find(({ type }) => type === 'Accepted') ?? acceptedGateway;
  const unsound = input.conditions.some(
    ({ subject, status }) => subject.of === 'listener' && status === 'False',
  );
  const listeners = describeListeners(input, model.listeners, served);
  const gateway: readonly WantedCondition[] = [
    // Gateway API: still accepted while a listener holds, but the reason says that not all do.
    accepted.status === 'True' && unsound ? { ...accepted, reason: 'ListenersNotValid' } : accepted,
    ...whole.filter(({ type }) => type === 'InsecureFrontendValidationMode'),
    whole.find(({ type }) => type === 'Programmed') ?? (accepted.status === 'True' ? served : notProgrammed),
    whole.find(({ type }) => type === 'ResolvedRefs') ?? summarize(listeners),
  ];
  const { generation, now, present } = input;
  return {
    addresses,
    conditions: mergeConditions(fieldOf(present, 'conditions'), gateway, generation, now),
    listeners,
    attachedListenerSets: model.sets.filter(({ accepted: one }) => one).length,
  };
}

/** One of ours that breaks its schema as a whole is served by nobody, whatever was said of it before. */
function unreadable(
  { entry, object, conditions, present, generation, now }: StatusInput,
  facts: GatewayFacts,
): KubeObject | null {
  if (entry.issues.length === 0 || !facts.ownsClass(textOf(object, 'spec', 'gatewayClassName'))) return null;
  const accepted = conditions.find(({ type, subject }) => type === 'Accepted' && subject.of === 'object');
  if (accepted === undefined) return null;
  const wanted = [toWanted(accepted), notProgrammed];
  return {
    conditions: mergeConditions(fieldOf(present, 'conditions'), wanted, generation, now),
    listeners: [],
  };
}

/** Of all that it refers to (GatewayConditionResolvedRefs): what its listeners say, where nothing of its own fails. */
function summarize(listeners: readonly KubeObject[]): WantedCondition {
  const lacking = listeners.filter(({ conditions }) => listOf(conditions).some(isUnresolved));
  if (lacking.length === 0)
    return { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: '' };
  const message = `listeners that lack what they refer to: ${lacking.map((one) => textOf(one, 'name')).join(', ')}`;
  return { type: 'ResolvedRefs', status: 'False', reason: 'ListenersNotResolved', message };
}

function isUnresolved(condition: KubeObject): boolean {
  return condition['type'] === 'ResolvedRefs' && condition['status'] === 'False';
}

/** One entry for each listener that the object has, served or not. */
export function describeListeners(
  { object, conditions, present, generation, now }: StatusInput,
  counts: GatewayModel['listeners'],
  served: WantedCondition,
): readonly KubeObject[] {
  return listOf(fieldOf(object, 'spec', 'listeners')).map((listener) => {
    const { name } = listener;
    const before = listOf(fieldOf(present, 'listeners')).find((one) => one['name'] === name);
    const { supportedKinds, conditions: wanted } = describeListener(listener, conditions, served);
    return {
      name,
      supportedKinds,
      attachedRoutes: counts.find((one) => one.name === name)?.attachedRoutes ?? 0,
      conditions: mergeConditions(before?.['conditions'], wanted, generation, now),
    };
  });
}

const acceptedGateway: WantedCondition = {
  type: 'Accepted',
  status: 'True',
  reason: 'Accepted',
  message: '',
};
const notProgrammed: WantedCondition = {
  type: 'Programmed',
  status: 'False',
  reason: 'Invalid',
  message: 'it is not accepted',
};

/** Values of `spec.addresses`, of a Gateway as the API server has it. */
export function addressesAsked(gateway: KubeObject): readonly string[] {
  return listOf(fieldOf(gateway, 'spec', 'addresses'))
    .map((address) => textOf(address, 'value'))
    .filter((value) => value !== '');
}

/** Programmed is a claim: it is made when proxies have taken it, and clients can reach them. */
export function judgeService(facts: GatewayFacts, namespace: string, name: string): WantedCondition {
  const programmed = (status: 'True' | 'False', reason: string, message: string): WantedCondition => ({
    type: 'Programmed',
    status,
    reason,
    message,
  });
  const fault = facts.fault('Gateway', namespace, name);
  if (fault !== null) return programmed('False', fault.reason, fault.message);
  const { connected, current } = facts.proxies(namespace, name);
  const addresses = facts.addresses(namespace, name);
  if (connected === 0) return programmed('False', 'Pending', 'no proxy of this Gateway is connected');
  if (current === 0)
    return programmed('False', 'Pending', `none of its ${connected} proxies has taken it yet`);
  if (addresses.length === 0) return programmed('False', 'AddressNotAssigned', 'it has no address yet');
  const lacking = facts
    .asked(namespace, name)
    .filter((address) => !addresses.some(({ value }) => value === address));
  if (lacking.length > 0)
    return programmed('False', 'AddressNotUsable', `it was not given ${lacking.join(', ')}`);
  const hidden = facts.hiddenLabels(namespace, name);
  const words = `${current} of ${connected} proxies serve it`;
  return programmed('True', 'Programmed', hidden === '' ? words : `${words}; ${hidden}`);
}

function describeListener(
  listener: KubeObject,
  all: readonly Condition[],
  served: WantedCondition,
): { readonly supportedKinds: readonly KubeObject[]; readonly conditions: readonly WantedCondition[] } {
  const possible = kindsOf(textOf(listener, 'protocol'));
  const asked = listOf(fieldOf(listener, 'allowedRoutes', 'kinds'));
  const fits = (one: KubeObject): boolean =>
    (one['group'] ?? gatewayGroup) === gatewayGroup && possible.includes(textOf(one, 'kind'));
  const kinds = asked.length === 0 ? possible : asked.filter(fits).map((one) => textOf(one, 'kind'));
  const supportedKinds = [...new Set(kinds)].map((kind) => ({ group: gatewayGroup, kind }));
  const own = all.filter(
    ({ subject, status }) =>
      subject.of === 'listener' && subject.name === listener['name'] && status === 'False',
  );
  const refusal = own.find(({ type }) => type === 'Accepted');
  const unresolved = own.find(({ type }) => type === 'ResolvedRefs');
  if (unresolved !== undefined) {
    const programmed: WantedCondition = {
      type: 'Programmed',
      status: 'False',
      reason: 'Invalid',
      message: unresolved.message,
    };
    return { supportedKinds, conditions: [...judgeListener(refusal, programmed), toWanted(unresolved)] };
  }
  const resolved: WantedCondition = asked.every(fits)
    ? { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: '' }
    : {
        type: 'ResolvedRefs',
        status: 'False',
        reason: 'InvalidRouteKinds',
        message: `of allowedRoutes.kinds only ${kinds.join(', ') || 'none'} can be served`,
      };
  return { supportedKinds, conditions: [...judgeListener(refusal, served), resolved] };
}

const conflicts: ReadonlySet<string> = new Set(['HostnameConflict', 'ProtocolConflict']);

function judgeListener(refusal: Condition | undefined, served: WantedCondition): readonly WantedCondition[] {
  if (refusal === undefined) {
    return [
      { ...acceptedGateway },
      served,
      { type: 'Conflicted', status: 'False', reason: 'NoConflicts', message: '' },
    ];
  }
  const { reason, message } = refusal;
  const conflicted = conflicts.has(reason);
  return [
    { type: 'Accepted', status: 'False', reason, message },
    { type: 'Programmed', status: 'False', reason: conflicted ? reason : 'Invalid', message: '' },
    conflicted
      ? { type: 'Conflicted', status: 'True', reason, message }
      : { type: 'Conflicted', status: 'False', reason: 'NoConflicts', message: '' },
  ];
}
