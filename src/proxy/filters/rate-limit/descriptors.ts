// By what a request is counted: the rules of its route and of its virtual host to lists of entries, a key and a value
// each (envoy.config.route.v3.RateLimit). Rules are compiled when the first request meets them.

import { formatIp, parseIp } from '../../../base/index.ts';
import {
  compileHeaders,
  compileParameters,
  type DescriptorAction,
  type DescriptorRule,
  type MetadataPlace,
  matchesHeaders,
  matchesQuery,
} from '../../../policy/index.ts';
import type { HostRules } from '../../config/filter-types.ts';
import { clientOf, type RequestState } from '../../exchange/index.ts';

export type Entry = readonly [key: string, value: string];

export interface Descriptor {
  readonly entries: readonly Entry[];
  /** Said for this request; null: the service's own. */
  readonly limit: { readonly requests: number; readonly unit: number } | null;
}

/** Adds an entry, or none; false: the rule does not concern the request. */
type Step = (request: RequestState, entries: Entry[]) => boolean;

interface CompiledRule {
  readonly stage: number;
  readonly steps: readonly Step[];
  readonly limit: MetadataPlace | null;
}

const compiled = new WeakMap<readonly DescriptorRule[], readonly CompiledRule[]>();

/** `instead`: rules of the filter itself, whatever the route says. */
export function describeRequest(
  request: RequestState,
  stage: number,
  hostRules: HostRules,
  instead: readonly DescriptorRule[] | undefined,
): readonly Descriptor[] {
  const { route } = request;
  const descriptors: Descriptor[] = [];
  if (instead !== undefined) {
    describe(request, rulesOf(instead), 0, descriptors);
    return descriptors;
  }
  if (route === null || route.action.kind !== 'forward') return descriptors;
  const { descriptors: own, hostDescriptors: ofHost } = route;
  if (own !== undefined) describe(request, rulesOf(own), stage, descriptors);
  const counts = route.includesHostDescriptors === true ? 'include' : hostRules;
  if (ofHost !== undefined && (counts === 'include' || (counts === 'override' && own === undefined)))
    describe(request, rulesOf(ofHost), stage, descriptors);
  return descriptors;
}

function rulesOf(rules: readonly DescriptorRule[]): readonly CompiledRule[] {
  const known = compiled.get(rules);
  if (known !== undefined) return known;
  const made = rules.map(({ actions, limit, stage }) => ({
    stage,
    limit,
    steps: actions.map(compileAction),
  }));
  compiled.set(rules, made);
  return made;
}

function describe(
  request: RequestState,
  rules: readonly CompiledRule[],
  stage: number,
  descriptors: Descriptor[],
): void {
  for (const rule of rules) {
    if (rule.stage !== stage) continue;
    const entries: Entry[] = [];
    if (rule.steps.every((step) => step(request, entries)) && entries.length > 0)
      descriptors.push({ entries, limit: rule.limit === null ? null : limitAt(request, rule.limit) });
  }
}

function compileAction(action: DescriptorAction): Step {
  switch (action.kind) {
    case 'source-cluster':
      return (request, entries) => add(entries, action.kind, request.context.serviceCluster);
    case 'destination-cluster':
      return (request, entries) => add(entries, action.kind, request.weighted?.cluster ?? '');
    case 'remote-address':
      return (request, entries) => addAddress(request, entries, null);
    case 'masked-address':
      return (request, entries) => addAddress(request, entries, action);
    case 'header':
      return ({ head }, entries) => {
        const value = pseudo(head, action.name) ?? firstValue(head, action.name);
        return value === null ? action.optional : put(entries, action.key, value);
      };
    case 'generic':
      return (_request, entries) => put(entries, action.key, action.value);
    case 'match':
      return compileMatch(action);
    case 'metadata':
      return (request, entries) => {
        const found = valueAt(request, action.source, action.at);
        const value = typeof found === 'string' && found !== '' ? found : action.absent;
        return value === '' ? action.optional : put(entries, action.key, value);
      };
  }
}

function compileMatch(action: Extract<DescriptorAction, { kind: 'match' }>): Step {
  const headers = compileHeaders(action.headers);
  const query = compileParameters(action.query);
  return ({ head }, entries) => {
    const matches = matchesHeaders(headers, head) && matchesQuery(query, head.path);
    return matches === action.expected && put(entries, action.key, action.value);
  };
}

function put(entries: Entry[], key: string, value: string): true {
  entries.push([key, value]);
  return true;
}

function add(entries: Entry[], kind: string, value: string): true {
  return put(entries, kind.replaceAll('-', '_'), value);
}

/** `mask` null: the whole address. A peer of a file has none. */
function addAddress(
  request: RequestState,
  entries: Entry[],
  mask: { readonly bits4: number; readonly bits6: number } | null,
): boolean {
  const ip = parseIp(clientOf(request));
  if (ip === null) return false;
  if (mask === null) return put(entries, 'remote_address', formatIp(ip));
  const bits = ip.length === 4 ? mask.bits4 : mask.bits6;
  const masked = ip.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - index * 8))));
  return put(entries, 'masked_remote_address', `${formatIp(masked)}/${bits}`);
}

function pseudo(head: RequestState['head'], name: string): string | null {
  if (name === ':path') return head.path;
  if (name === ':method') return head.method;
  return name === ':authority' || name === 'host' ? head.authority : null;
}

function firstValue(head: RequestState['head'], name: string): string | null {
  const at = head.findName(name);
  return at < 0 ? null : head.valueAt(at);
}

function valueAt(
  request: RequestState,
  source: 'request' | 'route',
  { namespace, path }: MetadataPlace,
): unknown {
  const map = source === 'request' ? request.metadata : request.route?.metadata;
  let value: unknown = map?.get(namespace);
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}

/** Envoy's names of the units, by their numbers. */
const units = ['UNKNOWN', 'SECOND', 'MINUTE', 'HOUR', 'DAY', 'MONTH', 'YEAR'];

function limitAt(request: RequestState, place: MetadataPlace): Descriptor['limit'] {
  const said = valueAt(request, 'request', place);
  if (typeof said !== 'object' || said === null) return null;
  const { requests_per_unit: requests, unit } = said as Readonly<Record<string, unknown>>;
  const number = units.indexOf(String(unit));
  const valid = typeof requests === 'number' && Number.isInteger(requests) && requests >= 0 && number >= 0;
  return valid ? { requests, unit: number } : null;
}

/** What names a descriptor among others. */
export function keyOf(entries: readonly Entry[]): string {
  return JSON.stringify(entries);
}
