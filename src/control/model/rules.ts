// Rules of HTTPRoutes and GRPCRoutes as the mesh will play them: filters folded into edits and one action, backends
// resolved to ports of Services, one entry for each match. What cannot be resolved keeps its share and is told in
// ResolvedRefs.

import type { GrpcRouteRule } from '../schema/grpc-route.ts';
import type { HttpBackendRef, HttpRouteFilter, MirrorSettings } from '../schema/http-filters.ts';
import type { HttpRouteRule } from '../schema/http-route.ts';
import type { GrpcRouteObject, HttpRouteObject } from '../schema/resources.ts';
import { type BackendDirectory, type BackendFault, type RouteIdentity, resolveBackend } from './backends.ts';
import { grpcMatches, httpMatches } from './matches.ts';
import type { Condition } from './status.ts';
import type { BackendModel, MirrorModel, RuleAction, RuleModel } from './types.ts';

export interface RouteRules {
  readonly rules: readonly RuleModel[];
  /** Everything that could not be resolved. */
  readonly faults: readonly Pick<Condition, 'reason' | 'message'>[];
  /** How many of its rules cannot be done as written; these answer 500. */
  readonly invalid: 'none' | 'some' | 'all';
}

/** A route whose requests are read, not only carried. */
export type ReadRoute = HttpRouteObject | GrpcRouteObject;

export function resolveRules(route: ReadRoute, directory: BackendDirectory): RouteRules {
  const faults: BackendFault[] = [];
  const resolver = new RuleResolver(route, directory, faults);
  const rules =
    route.kind === 'HTTPRoute'
      ? route.spec.rules.flatMap((rule, at) => resolver.http(rule, at))
      : route.spec.rules.flatMap((rule, at) => resolver.grpc(rule, at));
  const invalid = route.spec.rules.filter((rule) => rule.faults.length > 0).length;
  const { length } = route.spec.rules;
  return { rules, faults, invalid: invalid === 0 ? 'none' : invalid === length ? 'all' : 'some' };
}

type SharedRule = Pick<HttpRouteRule, 'name' | 'backendRefs' | 'faults'> & {
  readonly filters: readonly HttpRouteFilter[];
};

class RuleResolver {
  private readonly route: ReadRoute;
  private readonly from: RouteIdentity;
  private readonly directory: BackendDirectory;
  private readonly faults: BackendFault[];

  constructor(route: ReadRoute, directory: BackendDirectory, faults: BackendFault[]) {
    this.route = route;
    this.from = { kind: route.kind, namespace: route.metadata.namespace };
    this.directory = directory;
    this.faults = faults;
  }

  http(rule: HttpRouteRule, position: number): readonly RuleModel[] {
    const retry = rule.retry && {
      codes: rule.retry.codes,
      attempts: rule.retry.attempts ?? null,
      backoff: rule.retry.backoff ?? null,
    };
    const shared = {
      ...this.share(rule, position),
      grpc: false,
      requestTimeout: rule.timeouts?.request ?? null,
      attemptTimeout: rule.timeouts?.backendRequest ?? null,
      retry: retry ?? null,
    };
    return httpMatches(rule).map((match) => ({ ...shared, ...match }));
  }

  grpc(rule: GrpcRouteRule, position: number): readonly RuleModel[] {
    const shared = {
      ...this.share(rule, position),
      grpc: true,
      requestTimeout: null,
      attemptTimeout: null,
      retry: null,
    };
    return grpcMatches(rule).map((match) => ({ ...shared, ...match }));
  }

  private share(rule: SharedRule, position: number) {
    const { metadata, key } = this.route;
    return {
      name: `${metadata.namespace}/${metadata.name}/${rule.name ?? position}`,
      owner: key,
      action: rule.faults.length > 0 ? unavailable('') : this.resolveAction(rule),
      mirrors: this.resolveMirrors(rule.filters),
      cors: rule.filters.find((filter) => filter.type === 'CORS')?.cors ?? null,
      requestEdits: requestEditsOf(rule.filters),
      responseEdits: responseEditsOf(rule.filters),
    };
  }

  private resolveAction(rule: SharedRule): RuleAction {
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
    const backends = rule.backendRefs.map((ref) => this.resolve(ref));
    const weighted = backends.filter((backend) => backend.weight > 0);
    if (!weighted.some((backend) => backend.port !== null)) {
      const [first] = rule.backendRefs;
      const namespace = first?.namespace ?? this.from.namespace;
      const kind = first?.kind === 'XBackend' ? 'XBackend/' : '';
      return unavailable(first === undefined ? '' : `${namespace}/${kind}${first.name}`);
    }
    const rewrite = rule.filters.find((filter) => filter.type === 'URLRewrite')?.urlRewrite;
    return {
      kind: 'forward',
      backends: weighted,
      hostname: rewrite?.hostname ?? null,
      path: rewrite?.path ?? null,
    };
  }

  private resolve(ref: HttpBackendRef): BackendModel {
    const { port, fault, meshed, sticky } = resolveBackend(this.from, ref, this.directory);
    if (fault !== null) this.faults.push(fault);
    return {
      port,
      meshed,
      sticky,
      weight: ref.weight,
      requestEdits: requestEditsOf(ref.filters),
      responseEdits: responseEditsOf(ref.filters),
    };
  }

  /** One that cannot be resolved is left out, and told (HTTPRequestMirrorFilter.backendRef). */
  private resolveMirrors(filters: readonly HttpRouteFilter[]): readonly MirrorModel[] {
    return filters.flatMap((filter): readonly MirrorModel[] => {
      if (filter.type !== 'RequestMirror') return [];
      const { port, fault } = resolveBackend(this.from, filter.requestMirror.backendRef, this.directory);
      if (fault !== null) this.faults.push(fault);
      const perMillion = shareOf(filter.requestMirror);
      return port === null || perMillion === 0 ? [] : [{ port, perMillion }];
    });
  }
}

const million = 1_000_000;

function shareOf({ percent, fraction }: MirrorSettings): number {
  if (percent !== undefined) return percent * (million / 100);
  if (fraction !== undefined) return Math.round((fraction.numerator / fraction.denominator) * million);
  return million;
}

function unavailable(asked: string): RuleAction {
  return { kind: 'unavailable', asked };
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
