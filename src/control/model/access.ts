// Who may call which port: every AccessPolicy that names its Service, with callers as addresses of the pods they stand
// for. Policies add up: whoever one of them lets, passes.

import type { AccessRule } from '../schema/access-policy.ts';
import type { AccessPolicyObject, ServiceObject } from '../schema/resources.ts';
import { compareText, nameOf, type ResourceIndex } from './index-resources.ts';
import type { ConditionBook, Subject } from './status.ts';
import type { AccessModel, AccessRuleModel, CallerModel } from './types.ts';

/** The label that injection gives to pods: NetworkPolicies know labels, and no accounts. */
export const accountLabel = 'weft.dev/service-account';

type ServicePort = ServiceObject['spec']['ports'][number];

export class Access {
  private readonly callers: CallerBook;
  private readonly byService = new Map<string, AccessPolicyObject[]>();

  constructor(index: ResourceIndex, services: ReadonlyMap<string, ServiceObject>, book: ConditionBook) {
    this.callers = new CallerBook(index);
    for (const policy of index.byAge('AccessPolicy'))
      for (const { name } of policy.spec.targetRefs) {
        const service = services.get(`${policy.metadata.namespace}/${name}`);
        if (!judgeTarget(policy, name, service, book)) continue;
        push(this.byService, nameOf(service), policy);
        this.tellUnlabelled(policy, targetOf(policy, name), book);
      }
  }

  private tellUnlabelled(policy: AccessPolicyObject, subject: Subject, book: ConditionBook): void {
    const { mode, rules } = policy.spec;
    const accounts = rules
      .flatMap(({ from = [] }) =>
        from.map((caller) => this.callers.resolve(caller, policy.metadata.namespace)),
      )
      .flatMap((one) => (one.kind === 'account' && !one.labelled ? [`${one.namespace}/${one.name}`] : []));
    if (mode !== 'Enforce' || accounts.length === 0) return;
    book.add(policy.key, {
      type: 'NetworkEnforced',
      status: 'False',
      reason: 'NetworkNotEnforced',
      message: `pods of ${[...new Set(accounts)].join(', ')} lack the label ${accountLabel}: the network lets their whole namespace pass, and the proxies alone tell them apart`,
      subject,
    });
  }

  /** null: no policy names its Service, and everybody may call. */
  forPort(service: ServiceObject, port: ServicePort): AccessModel | null {
    const policies = this.byService.get(nameOf(service)) ?? [];
    if (policies.length === 0) return null;
    const enforced = policies.filter(({ spec }) => spec.mode === 'Enforce');
    return {
      enforced: this.listRules(enforced, port),
      audited: enforced.length < policies.length ? this.listRules(policies, port) : null,
    };
  }

  private listRules(policies: readonly AccessPolicyObject[], port: ServicePort): AccessModel['enforced'] {
    if (policies.length === 0) return null;
    return policies.flatMap((policy) =>
      policy.spec.rules.flatMap((rule, at): readonly AccessRuleModel[] => {
        const here = rule.ports.length === 0 || rule.ports.some((asked) => isPort(asked, port));
        const own = policy.metadata.namespace;
        const callers = rule.from?.map((caller) => this.callers.resolve(caller, own)) ?? null;
        // Of a rule at fault nobody is left.
        if (!here || callers?.length === 0) return [];
        const name = `${nameOf(policy)}/${ruleName(policy, at)}`;
        return [{ name, owner: policy.key, callers, http: rule.http }];
      }),
    );
  }
}

/** Each its own: a name that is there already, or none, is its place. No name that somebody gives begins with `#`. */
function ruleName({ spec: { rules } }: AccessPolicyObject, at: number): string {
  const name = rules[at]?.name;
  return name !== undefined && rules.findIndex((rule) => rule.name === name) === at ? name : `#${at}`;
}

function targetOf({ metadata }: AccessPolicyObject, name: string): Subject {
  return { of: 'target', ref: { group: '', kind: 'Service', namespace: metadata.namespace, name } };
}

function judgeTarget(
  policy: AccessPolicyObject,
  name: string,
  service: ServiceObject | undefined,
  book: ConditionBook,
): service is ServiceObject {
  const { namespace } = policy.metadata;
  const subject = targetOf(policy, name);
  if (service === undefined) {
    book.refuse(policy.key, subject, 'TargetNotFound', `there is no Service ${name} in ${namespace}`);
    return false;
  }
  // Nobody stands before what it leads to: it names no pods, so there is no proxy to ask and no network to close.
  if (service.spec.type === 'ExternalName' || Object.keys(service.spec.selector).length === 0) {
    const which = service.spec.type === 'ExternalName' ? 'is an ExternalName' : 'has no selector';
    book.refuse(
      policy.key,
      subject,
      'Invalid',
      `Service ${name} ${which}: it names no pods that could be fenced, and everybody may call what it leads to`,
    );
    return false;
  }
  book.accept(policy.key, subject);
  const unknown = policy.spec.rules
    .flatMap(({ ports }) => ports)
    .filter((asked) => !service.spec.ports.some((port) => isPort(asked, port)));
  if (unknown.length > 0)
    book.add(policy.key, {
      type: 'ResolvedRefs',
      status: 'False',
      reason: 'PortNotFound',
      message: `Service ${name} has no port ${unknown.join(', ')}: what is said of it lets nobody pass`,
      subject,
    });
  return true;
}

function isPort(asked: string | number, port: ServicePort): boolean {
  return typeof asked === 'number' ? port.port === asked : port.name === asked;
}

/** Callers by name, as the addresses that their pods have now. */
class CallerBook {
  private readonly byNamespace = new Map<string, string[]>();
  private readonly byAccount = new Map<string, string[]>();
  private readonly unlabelled = new Set<string>();

  constructor(index: ResourceIndex) {
    for (const { metadata, spec } of index.all('Pod'))
      for (const address of spec.addresses) {
        push(this.byNamespace, metadata.namespace, address);
        const account = `${metadata.namespace}/${spec.serviceAccount}`;
        push(this.byAccount, account, address);
        if (metadata.labels[accountLabel] !== spec.serviceAccount) this.unlabelled.add(account);
      }
    for (const list of [...this.byNamespace.values(), ...this.byAccount.values()]) list.sort(compareText);
  }

  resolve(
    { serviceAccount, namespace, ipBlock }: NonNullable<AccessRule['from']>[number],
    own: string,
  ): CallerModel {
    if (ipBlock !== undefined) return { kind: 'block', ...ipBlock };
    if (namespace !== undefined) {
      const addresses = this.byNamespace.get(namespace.name) ?? [];
      return { kind: 'namespace', name: namespace.name, addresses };
    }
    // The schema wants exactly one of the three.
    const { name, namespace: of = own } = serviceAccount ?? { name: '' };
    const id = `${of}/${name}`;
    const labelled = !this.unlabelled.has(id);
    return { kind: 'account', namespace: of, name, addresses: this.byAccount.get(id) ?? [], labelled };
  }
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
