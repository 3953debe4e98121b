// HTTPRoutes and GRPCRoutes to their parents (GAMMA and Gateway): producer and consumer routes of Services, hosts of
// gateways' listeners. Several routes on one parent merge by Gateway API's precedence.

import type { ParentRef } from '../schema/parent-ref.ts';
import type { BackendDirectory } from './backends.ts';
import { type GatewayBuilder, isGatewayParent } from './gateways.ts';
import { allGranted } from './grants.ts';
import { sortByPrecedence } from './precedence.ts';
import { type ReadRoute, type RouteRules, resolveRules } from './rules.ts';
import { type ConditionBook, itself, type Refusal, type Subject } from './status.ts';
import type { PortModel, RuleModel, ServiceModel } from './types.ts';

export interface RouteInputs {
  /** The oldest first. */
  readonly routes: readonly ReadRoute[];
  readonly directory: BackendDirectory;
  readonly book: ConditionBook;
}

/** Attaches every route; Services that got one are replaced in `models` and Gateways take theirs through `gateways`. */
export function attachRoutes(
  inputs: RouteInputs,
  models: Map<string, ServiceModel>,
  gateways: GatewayBuilder,
): void {
  const attached = new AttachedRules();
  const directories = {
    gateway: inputs.directory,
    mesh: { ...inputs.directory, grants: allGranted, keys: false },
  };
  const targets = { models, gateways, attached };
  // What cannot be read comes last: its errors take no request from a route that can.
  const readable = inputs.routes.filter((route) => route.salvaged === undefined);
  for (const route of readable)
    attachRoute(route, new RulesByParent(route, directories), inputs.book, targets);
  for (const route of inputs.routes)
    if (route.salvaged === true) attachRoute(route, new RulesByParent(route, directories), null, targets);
  for (const [id, model] of models) {
    const ports = model.ports.map((port) => attached.applyTo(port));
    if (ports.some((port, i) => port !== model.ports[i])) models.set(id, { ...model, ports });
  }
}

/** What a route may send to depends on what it is attached to; one of one kind of parent is resolved once. */
class RulesByParent {
  private readonly route: ReadRoute;
  private readonly directories: Readonly<Record<'gateway' | 'mesh', BackendDirectory>>;
  private readonly resolved = new Map<'gateway' | 'mesh', RouteRules>();

  constructor(route: ReadRoute, directories: RulesByParent['directories']) {
    this.route = route;
    this.directories = directories;
  }

  of(parent: ParentRef): RouteRules {
    const kind = parent.kind === 'Service' ? 'mesh' : 'gateway';
    const rules = this.resolved.get(kind) ?? resolveRules(this.route, this.directories[kind]);
    this.resolved.set(kind, rules);
    return rules;
  }
}

interface AttachTargets {
  readonly models: ReadonlyMap<string, ServiceModel>;
  readonly gateways: GatewayBuilder;
  readonly attached: AttachedRules;
}

/** `book` null: what is wrong with the route was told already. */
function attachRoute(
  route: ReadRoute,
  rules: RulesByParent,
  book: ConditionBook | null,
  targets: AttachTargets,
): void {
  for (const parent of route.spec.parentRefs) {
    const subject = subjectOf(route, parent);
    const resolved = rules.of(parent);
    const refusal =
      attachToParent(route, parent, resolved.rules, targets) ??
      (resolved.invalid === 'all' ? noRuleHolds : null);
    if (book === null || refusal === 'foreign') continue;
    if (refusal === null) book.accept(route.key, subject);
    else book.refuse(route.key, subject, refusal.reason, refusal.message);
    tellResolved(book, route, subject, resolved);
  }
  if (route.spec.parentRefs.length === 0)
    book?.refuse(route.key, itself, 'NoMatchingParent', 'has no parentRefs, so nothing uses it');
}

const noRuleHolds: Refusal = {
  reason: 'UnsupportedValue',
  message: 'none of its rules can be done as written; what they match is answered 500',
};

function attachToParent(
  route: ReadRoute,
  parent: ParentRef,
  rules: readonly RuleModel[],
  { models, gateways, attached }: AttachTargets,
): Refusal | 'foreign' | null {
  if (isGatewayParent(parent)) return gateways.attach(route, parent, rules);
  if (parent.kind !== 'Service' || (parent.group !== '' && parent.group !== 'core'))
    return {
      reason: 'InvalidKind',
      message: `${parent.group}/${parent.kind} is not a parent that the mesh knows`,
    };
  const namespace = parent.namespace ?? route.metadata.namespace;
  const service = models.get(`${namespace}/${parent.name}`);
  if (service === undefined)
    return { reason: 'NoMatchingParent', message: `there is no Service ${namespace}/${parent.name}` };
  const ports = service.ports.filter(
    (port) =>
      (parent.port === undefined || parent.port === port.port) &&
      (parent.sectionName === undefined || parent.sectionName === port.name) &&
      port.protocol !== 'opaque',
  );
  if (ports.length === 0)
    return {
      reason: 'NoMatchingParent',
      message: `Service ${service.id} has no such port that speaks HTTP in the mesh`,
    };
  const consumer = route.metadata.namespace === namespace ? null : route.metadata.namespace;
  for (const port of ports) attached.add(port.id, consumer, rules);
  return null;
}

/** Rules by port and by the callers they are for. */
class AttachedRules {
  private readonly producer = new Map<string, RuleModel[]>();
  private readonly consumers = new Map<string, Map<string, RuleModel[]>>();

  add(port: string, consumer: string | null, rules: readonly RuleModel[]): void {
    if (consumer === null) {
      append(this.producer, port, rules);
      return;
    }
    const byNamespace = this.consumers.get(port) ?? new Map<string, RuleModel[]>();
    this.consumers.set(port, byNamespace);
    append(byNamespace, consumer, rules);
  }

  applyTo(port: PortModel): PortModel {
    const producer = this.producer.get(port.id);
    const consumers = this.consumers.get(port.id);
    if (producer === undefined && consumers === undefined) return port;
    const sorted = [...(consumers ?? [])].map(([name, rules]) => [name, sortByPrecedence(rules)] as const);
    return {
      ...port,
      routes: {
        producer: producer === undefined ? null : sortByPrecedence(producer),
        consumers: new Map(sorted),
      },
    };
  }
}

function append(map: Map<string, RuleModel[]>, key: string, rules: readonly RuleModel[]): void {
  const list = map.get(key);
  // A route may name one parent twice, by two of its ports' names; its rules count once.
  if (list === undefined) map.set(key, [...rules]);
  else for (const rule of rules) if (!list.includes(rule)) list.push(rule);
}

function tellResolved(
  book: ConditionBook,
  route: ReadRoute,
  subject: Subject,
  { faults, invalid }: RouteRules,
): void {
  const [fault] = faults;
  book.add(route.key, {
    type: 'ResolvedRefs',
    status: fault === undefined ? 'True' : 'False',
    reason: fault?.reason ?? 'ResolvedRefs',
    message: [...new Set(faults.map((one) => one.message))].join('; '),
    subject,
  });
  if (invalid === 'some')
    book.add(route.key, {
      type: 'PartiallyInvalid',
      status: 'True',
      reason: 'UnsupportedValue',
      message: 'rules at fault answer 500, the others hold as written',
      subject,
    });
}

function subjectOf(route: ReadRoute, parent: ParentRef): Subject {
  return { of: 'parent', ref: { ...parent, namespace: parent.namespace ?? route.metadata.namespace } };
}
