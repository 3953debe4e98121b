// Compiles a route configuration into an immutable table, or returns everything that is wrong with it. Asked once per
// snapshot; what is left for a request is a map lookup and a short walk.

import { fail, type Issue, ok, type Random, type Result } from '../../base/index.ts';
import { CompiledRoute, type RouteHit } from './compiled-route.ts';
import { DomainTable, kindOfDomain } from './domain-table.ts';
import { endOfPath, HostRoutes } from './host-routes.ts';
import { compileHeader, compileQuery, compileValue, type ValueMatcher } from './match-value.ts';
import { compileRegex, type SafeRegex } from './regex/index.ts';
import type { MatchFacts, RequestView, Route, RouteConfig, StringMatch, VirtualHost } from './types.ts';

const weightSumMax = 2 ** 32 - 1;

/** Of a request of which nothing but its head is known. */
const noFacts: MatchFacts = { clientCertificate: 'none', saidBy: () => undefined };

export class RouteTable {
  readonly name: string;
  /** Lower-case names of fields that nobody from outside may send; null: none. */
  readonly internalOnly: readonly string[] | null;
  /** Further virtual hosts can be asked for. */
  readonly grows: boolean;
  private readonly domains: DomainTable<HostRoutes>;
  private readonly ignorePort: boolean;
  private readonly ignorePathParameters: boolean;

  constructor(config: RouteConfig, domains: DomainTable<HostRoutes>) {
    this.name = config.name;
    this.domains = domains;
    this.ignorePort = config.ignorePort === true;
    this.ignorePathParameters = config.ignorePathParameters === true;
    this.internalOnly = config.internalOnly ?? null;
    this.grows = config.vhds !== undefined;
  }

  /** Some virtual host is for this authority, whatever its routes. */
  knows(authority: string): boolean {
    return this.hostOf(authority) !== null;
  }

  /** What of an authority domains are compared with. */
  domainOf(authority: string): string {
    return this.ignorePort ? withoutPort(authority) : authority;
  }

  /**
   * The first route of the best virtual host that matches, with its cluster drawn; null: no host, or none of its
   * routes. `asked`: by what the host is sought.
   */
  match(
    view: RequestView,
    random: Random,
    facts: MatchFacts = noFacts,
    asked: string = view.authority,
  ): RouteHit | null {
    const { path } = view;
    const host = this.hostOf(asked);
    if (host === null) return null;
    if (host.requireTls !== undefined && wantsTls(host.requireTls, view)) return toTls;
    const plain = this.ignorePathParameters ? withoutParameters(path) : path;
    const route = host.match(view, plain, host.draws ? random.float() : 0, facts);
    return route === null ? null : route.draw(view, random);
  }

  /** A virtual host has this very domain. */
  hasDomain(domain: string): boolean {
    return this.domains.has(domain);
  }

  /** Both are asked of one virtual host. */
  isSameHost(one: string, other: string): boolean {
    return this.hostOf(one) === this.hostOf(other);
  }

  private hostOf(asked: string): HostRoutes | null {
    return this.domains.find(this.domainOf(asked));
  }
}

export function compileRoutes(config: RouteConfig): Result<RouteTable> {
  const issues: Issue[] = [];
  const domains = new DomainTable<HostRoutes>();
  config.virtualHosts.forEach((host, index) => {
    const at = new Report(issues, config.name, `virtual_hosts[${index}]`);
    const routes = compiledHost(host, at, issues);
    if (host.domains.length === 0) at.report('domains', 'must name at least one domain', '');
    host.domains.forEach((domain, position) => {
      addDomain(domains, domain, routes, at.inside(`domains[${position}]`));
    });
  });
  return issues.length > 0 ? fail(issues) : ok(new RouteTable(config, domains));
}

/** The fields are true by now: those who may not say them were not believed. */
function wantsTls(wanted: 'external' | 'all', view: RequestView): boolean {
  if (view.getName('x-forwarded-proto')?.toLowerCase() === 'https') return false;
  return wanted === 'all' || view.getName('x-envoy-internal') !== 'true';
}

/** Envoy's answer to who should have come with TLS. */
const toTlsRoute: Route = {
  name: '',
  match: { path: { kind: 'prefix', value: '/', ignoreCase: false }, headers: [], query: [] },
  action: {
    kind: 'redirect',
    status: 301,
    scheme: 'https',
    authority: null,
    port: null,
    path: null,
    verbatim: true,
  },
  timeouts: { requestMs: null, attemptMs: null, idleMs: null },
  retry: null,
  bufferBytesMax: null,
  requestEdits: null,
  responseEdits: null,
};
const toTls: RouteHit = Object.freeze({ virtualHost: '', route: toTlsRoute, cluster: null });

/** Without the parameters of its segments (RFC 3986 section 3.3); what follows the path stays. */
function withoutParameters(path: string): string {
  if (!path.includes(';')) return path;
  const end = endOfPath(path);
  return path.slice(0, end).replace(/;[^/]*/g, '') + path.slice(end);
}

/** `[::1]:80` is `[::1]`. */
function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return colon < 0 || authority.endsWith(']') ? authority : authority.slice(0, colon);
}

/** Hosts that compiled without a fault: in the next configuration most of them are the same objects. */
const compiledHosts = new WeakMap<VirtualHost, HostRoutes>();

function compiledHost(host: VirtualHost, at: Report, issues: readonly Issue[]): HostRoutes {
  const known = compiledHosts.get(host);
  if (known !== undefined) return known;
  const before = issues.length;
  const routes = new HostRoutes(compileHost(host, at), host.requireTls);
  if (issues.length === before) compiledHosts.set(host, routes);
  return routes;
}

/** Where in the configuration we are. */
class Report {
  private readonly issues: Issue[];
  private readonly object: string;
  private readonly field: string;

  constructor(issues: Issue[], object: string, field: string) {
    this.issues = issues;
    this.object = object;
    this.field = field;
  }

  inside(field: string): Report {
    return new Report(this.issues, this.object, `${this.field}.${field}`);
  }

  report(field: string, rule: string, value: string): void {
    const path = field === '' ? this.field : `${this.field}.${field}`;
    this.issues.push({ object: this.object, field: path, rule, value: value.slice(0, 100) });
  }
}

function addDomain(table: DomainTable<HostRoutes>, domain: string, routes: HostRoutes, at: Report): void {
  const fixed = kindOfDomain(domain) === 'exact' ? domain : domain.replace(/^\*|\*$/, '');
  if (domain === '') at.report('', 'must not be empty', domain);
  else if (fixed.includes('*')) at.report('', 'may hold one * at one end', domain);
  else if (!table.add(domain.toLowerCase(), routes))
    at.report('', 'must be unique among all virtual hosts', domain);
}

function compileHost(host: VirtualHost, at: Report): CompiledRoute[] {
  return host.routes.flatMap((route, order) => {
    const compiled = compileRoute(host.name, route, order, at.inside(`routes[${order}]`));
    return compiled === null ? [] : [compiled];
  });
}

function compileRoute(host: string, route: Route, order: number, at: Report): CompiledRoute | null {
  const { match } = route;
  const regex = compilePath(route, at.inside('match'));
  const headers = match.headers.map((header, index) => {
    const matcher = compileMatcher(header.match, at.inside(`match.headers[${index}]`));
    return matcher === null ? null : compileHeader(header, matcher);
  });
  const query = match.query.map((parameter, index) => {
    const matcher = compileMatcher(parameter.match, at.inside(`match.query_parameters[${index}]`));
    return matcher === null ? null : compileQuery(parameter, matcher);
  });
  const weightsFine = checkWeights(route, at.inside('route.weighted_clusters'));
  if (regex === undefined || !weightsFine || headers.includes(null) || query.includes(null)) return null;
  return new CompiledRoute(order, host, route, regex, headers.filter(isPresent), query.filter(isPresent));
}

/** The path's expression, null where it has none, undefined where it is faulty. */
function compilePath(route: Route, at: Report): SafeRegex | null | undefined {
  const { path } = route.match;
  if (path.kind === 'regex') {
    const regex = compileRegex(path.value);
    if (regex.ok) return regex.value;
    at.report('safe_regex.regex', regex.error, path.value);
    return undefined;
  }
  if (path.kind !== 'separated-prefix' || isSeparable(path.value)) return null;
  at.report('path_separated_prefix', 'must start with / and not end with it, without ? and #', path.value);
  return undefined;
}

/** Envoy's pattern for path_separated_prefix. */
function isSeparable(prefix: string): boolean {
  return /^\/[^?#]*[^?#/]$/.test(prefix);
}

function compileMatcher(match: StringMatch, at: Report): ValueMatcher | null {
  const matcher = compileValue(match);
  if (matcher.ok) return matcher.value;
  at.report('', matcher.error, 'value' in match ? match.value : '');
  return null;
}

function checkWeights(route: Route, at: Report): boolean {
  if (route.action.kind !== 'forward') return true;
  let sum = 0;
  for (const { weight } of route.action.clusters) {
    if (!Number.isInteger(weight) || weight < 0) {
      at.report('clusters', 'must have whole weights from 0', String(weight));
      return false;
    }
    sum += weight;
  }
  if (sum >= 1 && sum <= weightSumMax) return true;
  at.report('clusters', `must have weights that sum to 1 to ${weightSumMax}`, String(sum));
  return false;
}

function isPresent<T>(value: T | null): value is T {
  return value !== null;
}
