// A route at fault costs that route and no other. It answers 500 where it would have matched, rather than fall through
// to the next; a fault of a whole virtual host closes that host. What cannot be laid at a route's or a host's door
// refuses the configuration as a whole.

import type { Issue } from '../../base/index.ts';
import type { PathMatch, Route, RouteConfig, RouteMatch, VirtualHost } from '../../policy/index.ts';

const place = /^virtual_hosts\[(\d+)\](?:\.routes\[(\d+)\](?:\.(match)(?:\.|$))?)?/;

/** Null: not every fault has a route or a host. The result answers for the faulty ones; `issues` are theirs. */
export function spareRoutes(routes: RouteConfig, issues: readonly Issue[]): RouteConfig | null {
  const closed = new Set<number>();
  const faulty = new Map<number, Map<number, Issue[]>>();
  for (const issue of issues) {
    const [, host, route] = place.exec(issue.field) ?? [];
    if (host === undefined) return null;
    if (route === undefined) closed.add(Number(host));
    else addTo(faulty, Number(host), Number(route), issue);
  }
  const virtualHosts: VirtualHost[] = [];
  const domains = new Set<string>();
  routes.virtualHosts.forEach((host, at) => {
    const spared = spareHost(host, closed.has(at), faulty.get(at));
    // Of one domain in two hosts the first counts, as it would have without the second.
    const own = spared.domains.filter((domain) => !domains.has(domain.toLowerCase()) && isDomain(domain));
    for (const domain of own) domains.add(domain.toLowerCase());
    if (own.length > 0) virtualHosts.push({ ...spared, domains: own });
  });
  return { ...routes, virtualHosts };
}

function addTo(faulty: Map<number, Map<number, Issue[]>>, host: number, route: number, issue: Issue): void {
  const routes = faulty.get(host) ?? new Map<number, Issue[]>();
  faulty.set(host, routes);
  const list = routes.get(route);
  if (list === undefined) routes.set(route, [issue]);
  else list.push(issue);
}

function isDomain(domain: string): boolean {
  return domain === '*' || !/^.+\*.|^\*.*\*$/.test(domain);
}

function spareHost(
  host: VirtualHost,
  closed: boolean,
  faulty: ReadonlyMap<number, readonly Issue[]> | undefined,
): VirtualHost {
  const refuse = (route: Route, issues: readonly Issue[]) =>
    refuseAll(route, coverMatch(route.match, issues));
  const everything: RouteMatch = { path: anyPath, headers: [], query: [] };
  if (closed) {
    const [first] = host.routes;
    return first === undefined ? host : { ...host, routes: [refuseAll(first, everything)] };
  }
  const routes = host.routes.map((route, at) => {
    const issues = faulty?.get(at);
    return issues === undefined ? route : refuse(route, issues);
  });
  return { ...host, routes };
}

const anyPath: PathMatch = { kind: 'prefix', value: '/', ignoreCase: false };

function refuseAll(route: Route, match: RouteMatch): Route {
  return {
    ...route,
    match,
    action: { kind: 'respond', status: 500, body: 'this route is refused by the proxy\n' },
    retry: null,
    requestEdits: null,
    responseEdits: null,
  };
}

/** A match that takes at least what the author's would have: conditions that cannot be read are no conditions. */
function coverMatch(match: RouteMatch, issues: readonly Issue[]): RouteMatch {
  const fields = issues.map(({ field }) => field.replace(/^virtual_hosts\[\d+\]\.routes\[\d+\]\.?/, ''));
  const without = <T>(list: readonly T[], name: string): readonly T[] =>
    list.filter((_, at) => !fields.some((field) => field.startsWith(`match.${name}[${at}]`)));
  const path = /^match(\.(safe_regex|path|prefix|path_separated_prefix|case_sensitive)\b|$)/;
  return {
    path: fields.some((field) => path.test(field)) ? coverPath(match.path) : match.path,
    headers: without(match.headers, 'headers'),
    query: without(match.query, 'query_parameters'),
  };
}

/** Every path that the author can have meant begins with this. */
function coverPath(path: PathMatch): PathMatch {
  const literal =
    path.kind === 'regex'
      ? literalPrefix(path.value)
      : path.value.replace(/[?#].*$/s, '').replace(/\/+$/, '');
  return literal.startsWith('/') ? { kind: 'prefix', value: literal, ignoreCase: true } : anyPath;
}

/** The text that a regular expression begins with, before anything that may stand for something else. */
function literalPrefix(regex: string): string {
  if (regex.includes('|')) return '';
  const [literal = ''] = /^[\w/~%@:;,=&!' -]*/.exec(regex.replace(/^\^/, '')) ?? [];
  const next = regex.replace(/^\^/, '')[literal.length] ?? '';
  // What a repetition follows may be there no times at all.
  return /[*?{]/.test(next) ? literal.slice(0, -1) : literal;
}
