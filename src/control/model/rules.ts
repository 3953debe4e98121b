// An HTTPRoute's rules as the mesh will play them: filters folded into edits and one action, backends resolved to ports
// of Services, one entry for each match. What cannot be resolved keeps its share and is told in ResolvedRefs.

import type { HttpBackendRef, HttpRouteFilter, HttpRouteRule } from '../schema/http-route.ts';
import type { HttpRouteObject, ReferenceGrantObject, ServiceObject } from '../schema/resources.ts';
import type { Condition } from './status.ts';
import type { BackendModel, RuleAction, RuleModel } from './types.ts';

export interface BackendDirectory {
  readonly services: ReadonlyMap<string, ServiceObject>;
  readonly grants: readonly ReferenceGrantObject[];
  /** `namespace/service:port` of the ports that the mesh carries. */
  readonly ports: ReadonlySet<string>;
}

export interface RouteRules {
  readonly rules: readonly RuleModel[];
  /** Everything that could not be resolved. */
  readonly faults: readonly Pick<Condition, 'reason' | 'message'>[];
  /** How many of its rules cannot be done as written; these answer 500. */
  readonly invalid: 'none' | 'some' | 'all';
}

interface BackendFault {
  readonly reason: 'InvalidKind' | 'RefNotPermitted' | 'BackendNotFound' | 'UnsupportedProtocol';
  readonly message: string;
}

export function resolveRules(route: HttpRouteObject, directory: BackendDirectory): RouteRules {
  const rules: RuleModel[] = [];
  const faults: BackendFault[] = [];
  let invalid = 0;
  for (const [position, rule] of route.spec.rules.entries()) {
    const atFault = rule.faults.length > 0;
    if (atFault) invalid++;
    const name = `${route.metadata.namespace}/${route.metadata.name}/${rule.name ?? position}`;
    const shared = {
      name,
      owner: route.key,
      action: atFault ? unavailable('') : resolveAction(route, rule, directory, faults),
      requestEdits: requestEditsOf(rule.filters),
      responseEdits: responseEditsOf(rule.filters),
      requestTimeout: rule.timeouts?.request ?? null,
      attemptTimeout: rule.timeouts?.backendRequest ?? null,
      retry:
        rule.retry === undefined
          ? null
          : {
              codes: rule.retry.codes,
              attempts: rule.retry.attempts ?? null,
              backoff: rule.retry.backoff ?? null,
            },
    };
    for (const match of matchesOf(rule)) rules.push({ ...shared, match });
  }
  const { length } = route.spec.rules;
  return { rules, faults, invalid: invalid === 0 ? 'none' : invalid === length ? 'all' : 'some' };
}

function unavailable(asked: string): RuleAction {
  return { kind: 'unavailable', asked };
}

function matchesOf(rule: HttpRouteRule): readonly RuleModel['match'][] {
  return rule.matches.length === 0 && !rule.unreadable ? [matchAll] : rule.matches;
}

const matchAll: RuleModel['match'] = {
  path: { type: 'PathPrefix', value: '/' },
  headers: [],
  queryParams: [],
};

function resolveAction(
  route: HttpRouteObject,
  rule: HttpRouteRule,
  directory: BackendDirectory,
  faults: BackendFault[],
): RuleAction {
  for (const filter of rule.filters) {
    if (filter.type !== 'RequestRedirect') continue;
    const { scheme, hostname, port, path, statusCode } = filter.requestRedirect;
    return {
      kind: 'redirect',
      scheme: scheme ?? null,
      hostname: hostname ?? null,
      port: port ?? null,
      path: path ?? null,
      status: statusCode,
    };
  }
  const backends = rule.backendRefs.map((ref) => resolveBackend(route, ref, directory, faults));
  const weighted = backends.filter((backend) => backend.weight > 0);
  if (!weighted.some((backend) => backend.port !== null)) {
    const [first] = rule.backendRefs;
    const namespace = first?.namespace ?? route.metadata.namespace;
    return unavailable(first === undefined ? '' : `${namespace}/${first.name}`);
  }
  const rewrite = rule.filters.find((filter) => filter.type === 'URLRewrite')?.urlRewrite;
  return {
    kind: 'forward',
    backends: weighted,
    hostname: rewrite?.hostname ?? null,
    path: rewrite?.path ?? null,
  };
}

function resolveBackend(
  route: HttpRouteObject,
  ref: HttpBackendRef,
  directory: BackendDirectory,
  faults: BackendFault[],
): BackendModel {
  const id = `${ref.namespace ?? route.metadata.namespace}/${ref.name}`;
  const fault = judgeBackend(route, ref, id, directory);
  if (fault !== null) faults.push(fault);
  return {
    port: fault === null ? `${id}:${ref.port}` : null,
    meshed: directory.services.get(id)?.spec.type !== 'ExternalName',
    weight: ref.weight,
    requestEdits: requestEditsOf(ref.filters),
    responseEdits: responseEditsOf(ref.filters),
  };
}

function judgeBackend(
  route: HttpRouteObject,
  ref: HttpBackendRef,
  id: string,
  directory: BackendDirectory,
): BackendFault | null {
  if ((ref.group !== '' && ref.group !== 'core') || ref.kind !== 'Service')
    return { reason: 'InvalidKind', message: `${ref.kind} ${ref.name} is not a Service` };
  if (!mayRefer(route, ref, directory.grants))
    return {
      reason: 'RefNotPermitted',
      message: `no ReferenceGrant in ${ref.namespace} allows Service ${id}`,
    };
  const service = directory.services.get(id);
  if (service === undefined) return { reason: 'BackendNotFound', message: `there is no Service ${id}` };
  if (ref.port === undefined)
    return { reason: 'BackendNotFound', message: `a reference to Service ${id} must name a port` };
  if (!service.spec.ports.some((port) => port.port === ref.port))
    return { reason: 'BackendNotFound', message: `Service ${id} has no port ${ref.port}` };
  if (!directory.ports.has(`${id}:${ref.port}`))
    return {
      reason: 'UnsupportedProtocol',
      message: `port ${ref.port} of Service ${id} does not speak HTTP/1.1`,
    };
  return null;
}

function mayRefer(
  route: HttpRouteObject,
  ref: HttpBackendRef,
  grants: readonly ReferenceGrantObject[],
): boolean {
  const from = route.metadata.namespace;
  if (ref.namespace === undefined || ref.namespace === from) return true;
  return grants.some(
    (grant) =>
      grant.metadata.namespace === ref.namespace &&
      grant.spec.from.some(
        (one) =>
          one.group === 'gateway.networking.k8s.io' && one.kind === 'HTTPRoute' && one.namespace === from,
      ) &&
      grant.spec.to.some(
        (one) =>
          one.group === '' && one.kind === 'Service' && (one.name === undefined || one.name === ref.name),
      ),
  );
}

function requestEditsOf(filters: readonly HttpRouteFilter[]): RuleModel['requestEdits'] {
  for (const filter of filters)
    if (filter.type === 'RequestHeaderModifier') return filter.requestHeaderModifier;
  return null;
}

function responseEditsOf(filters: readonly HttpRouteFilter[]): RuleModel['responseEdits'] {
  for (const filter of filters)
    if (filter.type === 'ResponseHeaderModifier') return filter.responseHeaderModifier;
  return null;
}
