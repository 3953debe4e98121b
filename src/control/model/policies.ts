// Which policy is in force on which port. On one target the older policy wins, the younger is told; a policy for a port
// by name wins over one for the whole Service. XBackendTrafficPolicy, the standard kind, decides the retry budget where
// both speak of it.

import type { BackendTrafficPolicyObject, ServiceObject, ServicePolicyObject } from '../schema/resources.ts';
import { defaultPolicy, type ServicePolicySettings } from '../schema/service-policy.ts';
import type { ObjectKey } from '../source/types.ts';
import { nameOf, type ResourceIndex } from './index-resources.ts';
import type { ConditionBook, Subject } from './status.ts';

export interface PolicyInForce {
  readonly settings: ServicePolicySettings;
  /** The policies it comes from. */
  readonly owners: readonly ObjectKey[];
}

export interface Policies {
  forPort(service: ServiceObject, portName: string): PolicyInForce;
}

export function resolvePolicies(
  index: ResourceIndex,
  services: ReadonlyMap<string, ServiceObject>,
  book: ConditionBook,
): Policies {
  const policies = new Map<string, ServicePolicyObject>();
  const budgets = new Map<string, BackendTrafficPolicyObject>();
  for (const policy of index.byAge('ServicePolicy')) {
    for (const target of policy.spec.targetRefs) claim(policies, policy, target, services, book);
  }
  for (const policy of index.byAge('XBackendTrafficPolicy')) {
    for (const target of policy.spec.targetRefs) claim(budgets, policy, target, services, book);
  }
  return {
    forPort(service, portName) {
      const id = nameOf(service);
      const policy = policies.get(`${id}#${portName}`) ?? policies.get(`${id}#`);
      const budget = budgets.get(`${id}#`);
      return joinPolicy(policy, budget);
    },
  };
}

function claim<P extends ServicePolicyObject | BackendTrafficPolicyObject>(
  slots: Map<string, P>,
  policy: P,
  target: { readonly name: string; readonly sectionName?: string | undefined },
  services: ReadonlyMap<string, ServiceObject>,
  book: ConditionBook,
): void {
  const { namespace } = policy.metadata;
  const section = target.sectionName ?? '';
  const ref = { group: '', kind: 'Service', namespace, name: target.name };
  const about: Subject = {
    of: 'target',
    ref: section === '' ? ref : { ...ref, sectionName: section },
  };
  const service = services.get(`${namespace}/${target.name}`);
  const slot = `${namespace}/${target.name}#${section}`;
  const older = slots.get(slot);
  if (service === undefined) {
    book.refuse(policy.key, about, 'TargetNotFound', `there is no Service ${target.name} in ${namespace}`);
    return;
  }
  if (section !== '' && !service.spec.ports.some((port) => port.name === section)) {
    book.refuse(policy.key, about, 'TargetNotFound', `Service ${target.name} has no port ${section}`);
    return;
  }
  if (older !== undefined && older !== policy) {
    book.refuse(policy.key, about, 'Conflicted', `${nameOf(older)} is older and in force`);
    return;
  }
  slots.set(slot, policy);
  book.accept(policy.key, about);
}

function joinPolicy(
  policy: ServicePolicyObject | undefined,
  budget: BackendTrafficPolicyObject | undefined,
): PolicyInForce {
  const owners: ObjectKey[] = [];
  let settings = defaultPolicy;
  if (policy !== undefined) {
    const { targetRefs: _targets, sidecar: _own, ...rest } = policy.spec;
    settings = rest;
    owners.push(policy.key);
  }
  if (budget?.spec.retryConstraint !== undefined) {
    settings = { ...settings, retryBudget: budget.spec.retryConstraint };
    owners.push(budget.key);
  }
  return { settings, owners };
}
