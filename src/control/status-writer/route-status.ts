// RouteStatus: one entry for each parent that is ours. The list is atomic for the API server, so other controllers'
// entries are carried along as they are.

import { fieldOf, isRecord, type KubeObject, textOf } from '../kubernetes/types.ts';
import type { Condition, ObjectRef } from '../model/status.ts';
import { gatewayController } from '../schema/gateway.ts';
import { mergeConditions, type WantedCondition } from './conditions.ts';
import type { GatewayFacts, StatusInput } from './types.ts';

const gatewayGroup = 'gateway.networking.k8s.io';

/** RouteStatus.parents: the CRDs' bound. */
const parentsMax = 32;

export function wantRouteStatus(input: StatusInput, facts: GatewayFacts): KubeObject | null {
  const present = listOf(fieldOf(input.present, 'parents'));
  const foreign = present.filter((one) => one['controllerName'] !== gatewayController);
  const refs = listOf(fieldOf(input.object, 'spec', 'parentRefs'));
  const own = refs.flatMap((written): readonly KubeObject[] => {
    const said = aboutParent(input, written, facts);
    if (said.length === 0) return [];
    const before = present.find(
      (one) => one['controllerName'] === gatewayController && sameRef(one['parentRef'], written),
    );
    const conditions = mergeConditions(before?.['conditions'], said, input.generation, input.now);
    return [{ parentRef: written, controllerName: gatewayController, conditions }];
  });
  // Nothing was ours, nothing is: the object is left alone.
  if (own.length === 0 && foreign.length === present.length) return null;
  return { parents: [...foreign, ...own].slice(0, parentsMax) };
}

/** What is said about this parent, and about the whole object; nothing where the parent is not ours. */
function aboutParent(
  { entry, object, conditions }: StatusInput,
  written: KubeObject,
  facts: GatewayFacts,
): readonly WantedCondition[] {
  const namespace = textOf(written, 'namespace') || textOf(object, 'metadata', 'namespace');
  if (!isOurs(written, namespace, facts)) return [];
  const about = conditions.filter(
    ({ subject }) => subject.of === 'parent' && refersTo(subject.ref, written, namespace),
  );
  const whole = conditions.filter(({ subject }) => subject.of === 'object');
  const said = [...whole, ...about].map(toWanted);
  if (said.length === 0) return [];
  const accepted = said.find(({ type, status }) => type === 'Accepted' && status === 'False') ?? {
    ...acceptedCondition,
    ...said.find(({ type }) => type === 'Accepted'),
  };
  const resolved =
    said.find(({ type }) => type === 'ResolvedRefs') ?? resolvedCondition(entry.issues.length === 0);
  const rest = said.filter(({ type }) => type !== 'Accepted' && type !== 'ResolvedRefs');
  return [accepted, resolved, ...new Map(rest.map((one) => [one.type, one])).values()];
}

const acceptedCondition: WantedCondition = {
  type: 'Accepted',
  status: 'True',
  reason: 'Accepted',
  message: '',
};

function resolvedCondition(known: boolean): WantedCondition {
  return known
    ? { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: '' }
    : { type: 'ResolvedRefs', status: 'Unknown', reason: 'Pending', message: 'the route is not valid' };
}

export function toWanted({ type, status, reason, message }: Condition): WantedCondition {
  return { type, status, reason, message };
}

/**
 * A Gateway that is not there, or of another class, may be somebody else's, and so is a parent of any other kind:
 * nothing is said of them.
 */
function isOurs(written: KubeObject, namespace: string, facts: GatewayFacts): boolean {
  const name = textOf(written, 'name');
  switch (parentKind(written)) {
    case '/Service':
      return true;
    case `${gatewayGroup}/Gateway`:
      return facts.gateway(namespace, name) !== null;
    case `${gatewayGroup}/ListenerSet`:
      return facts.gatewayOfSet(namespace, name) !== null;
    default:
      return false;
  }
}

/** With Gateway API's defaults. The core group is empty, or written out. */
function parentKind(written: KubeObject): string {
  const group = written['group'] ?? gatewayGroup;
  return `${group === 'core' ? '' : group}/${textOf(written, 'kind') || 'Gateway'}`;
}

function refersTo(ref: ObjectRef, written: KubeObject, namespace: string): boolean {
  return (
    ref.name === written['name'] &&
    ref.namespace === namespace &&
    ref.kind === (textOf(written, 'kind') || 'Gateway') &&
    ref.sectionName === (written['sectionName'] ?? undefined) &&
    ref.port === (written['port'] ?? undefined)
  );
}

function sameRef(a: unknown, b: KubeObject): boolean {
  const fields = ['group', 'kind', 'namespace', 'name', 'sectionName', 'port'];
  return fields.every((field) => fieldOf(a, field) === b[field]);
}

export function listOf(value: unknown): readonly KubeObject[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
