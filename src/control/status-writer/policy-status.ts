// PolicyStatus (GEP-713): one entry for each target. The list is atomic, as that of a route's parents.

import type { FleetFault } from '../fleet/object-writer.ts';
import { fieldOf, type KubeObject, textOf } from '../kubernetes/types.ts';
import { describeSubject } from '../model/status.ts';
import { gatewayController } from '../schema/gateway.ts';
import { mergeConditions, type WantedCondition } from './conditions.ts';
import { listOf, toWanted } from './route-status.ts';
import type { GatewayFacts, StatusInput } from './types.ts';

/** PolicyStatus.ancestors: the CRDs' bound. */
const ancestorsMax = 16;
/** BackendStatus.parents: likewise. */
const parentsMax = 32;

export function wantPolicyStatus(
  { entry, object, present, conditions, generation, now }: StatusInput,
  facts: GatewayFacts,
): KubeObject | null {
  const before = listOf(fieldOf(present, 'ancestors'));
  const foreign = before.filter((one) => one['controllerName'] !== gatewayController);
  const namespace = textOf(object, 'metadata', 'namespace');
  const whole = conditions.filter(({ subject }) => subject.of === 'object').map(toWanted);
  const own = listOf(fieldOf(object, 'spec', 'targetRefs')).flatMap((target): readonly KubeObject[] => {
    const section = target['sectionName'];
    const about = conditions.filter(
      ({ subject }) =>
        subject.of === 'target' && subject.ref.name === target['name'] && subject.ref.sectionName === section,
    );
    const isFence = entry.kind === 'AccessPolicy' && fieldOf(object, 'spec', 'mode') !== 'Audit';
    const fence = isFence ? facts.fault('Service', namespace, textOf(target, 'name')) : null;
    const said = strictest([...unfenced(fence), ...whole, ...about.map(toWanted)]);
    if (said.length === 0) return [];
    const ancestorRef = {
      group: textOf(target, 'group'),
      kind: textOf(target, 'kind') || 'Service',
      namespace,
      name: textOf(target, 'name'),
      ...(typeof section === 'string' ? { sectionName: section } : {}),
    };
    const old = before.find(
      (one) =>
        one['controllerName'] === gatewayController &&
        fieldOf(one, 'ancestorRef', 'name') === ancestorRef.name &&
        fieldOf(one, 'ancestorRef', 'sectionName') === section,
    );
    const merged = mergeConditions(old?.['conditions'], said, generation, now);
    return [{ ancestorRef, controllerName: gatewayController, conditions: merged }];
  });
  if (own.length === 0 && foreign.length === before.length) return null;
  return { ancestors: [...foreign, ...own].slice(0, ancestorsMax) };
}

/** What keeps the network from holding what a policy says: the proxies do all the same. */
function unfenced(fault: FleetFault | null): readonly WantedCondition[] {
  return fault === null ? [] : [{ ...fault, type: 'NetworkEnforced', status: 'False' }];
}

/** PolicyStatus of a policy that has its effect through Gateways. */
export function wantAncestorStatus(input: StatusInput): KubeObject | null {
  return listUsers(input, { list: 'ancestors', ref: 'ancestorRef', max: ancestorsMax });
}

/** BackendStatus of an XBackend: the same under other names. */
export function wantBackendStatus(input: StatusInput): KubeObject | null {
  return listUsers(input, { list: 'parents', ref: 'parentRef', max: parentsMax });
}

interface UserFields {
  readonly list: string;
  readonly ref: string;
  readonly max: number;
}

/** One entry for each Gateway, or Service, whose routes send to what it is about. */
function listUsers(
  { present, conditions, generation, now }: StatusInput,
  { list, ref, max }: UserFields,
): KubeObject | null {
  const before = listOf(fieldOf(present, list));
  const foreign = before.filter((one) => one['controllerName'] !== gatewayController);
  const whole = conditions.filter(({ subject }) => subject.of === 'object').map(toWanted);
  const refs = new Map<string, KubeObject>();
  for (const { subject } of conditions)
    if (subject.of === 'ancestor') refs.set(describeSubject(subject), { ...subject.ref });
  const own = [...refs].map(([about, user]): KubeObject => {
    const said = conditions.filter(({ subject }) => describeSubject(subject) === about).map(toWanted);
    const old = before.find(
      (one) =>
        one['controllerName'] === gatewayController &&
        ['kind', 'namespace', 'name'].every((field) => fieldOf(one, ref, field) === user[field]),
    );
    const merged = mergeConditions(old?.['conditions'], strictest([...whole, ...said]), generation, now);
    return { [ref]: user, controllerName: gatewayController, conditions: merged };
  });
  if (own.length === 0 && foreign.length === before.length) return null;
  return { [list]: [...foreign, ...own].slice(0, max) };
}

/** One of a type: a no counts more than a yes. */
function strictest(all: readonly WantedCondition[]): readonly WantedCondition[] {
  const byType = new Map<string, WantedCondition>();
  for (const one of all) if (byType.get(one.type)?.status !== 'False') byType.set(one.type, one);
  return [...byType.values()];
}
