// Proxies hear of a change one after the other: what a caller has chosen by a route that the callee has not heard of
// is served all the same, and what it has chosen is not served by whoever lives at a stale address, though both go by
// the name that was asked for.

import { describe, expect, test } from 'bun:test';
import { formatIssue, Xoshiro128 } from '../../base/index.ts';
import { compileRoutes, type Route } from '../../policy/index.ts';
import { decodeResource } from '../../proxy/config/decode-resource.ts';
import { typeUrls, type XdsResource } from '../../xds/index.ts';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { parseManifests } from '../source/parse.ts';
import { route, service, slice } from '../testing/manifests.ts';
import { MeshCompiler } from './mesh.ts';
import { parseScope } from './scope.ts';

const services = ['pricing', 'pricing-v1', 'pricing-v2'];
const plain = services.map((name, at) => service(name) + slice(name, [`10.0.0.${at + 1}`])).join('');
const gateway = `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: bank }
spec: { gatewayClassName: weft, listeners: [{ name: a, protocol: HTTP, port: 8080 }] }
`;
const edgeRoute = `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: edge, namespace: bank }
spec: { parentRefs: [{ name: edge }], hostnames: ["*.example.com"], rules: [{ backendRefs: [{ name: pricing-v2, port: 80 }] }] }
`;
const split = route('pricing', 'backendRefs: [{ name: pricing-v2, port: 80 }]');
const weights = route(
  'pricing',
  'backendRefs: [{ name: pricing-v1, port: 80, weight: 0 }, { name: pricing-v2, port: 80, weight: 9, filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: a, value: b }] } }] }]',
);
const renamed = route(
  'pricing',
  'filters: [{ type: URLRewrite, urlRewrite: { hostname: v2.example.com } }], backendRefs: [{ name: pricing-v2, port: 80 }]',
);

const caller = { id: 'sidecar~caller.bank', metadata: { labels: { app: 'caller' } } };
const edge = { id: 'gateway~edge-0.bank', cluster: 'edge' };

function sidecarOf(app: string) {
  return { id: `sidecar~${app}-0.bank`, metadata: { labels: { app } } };
}

/** The route tables that a node is sent when the control plane knows these manifests. */
function tablesOf(manifests: string, node: object): readonly XdsResource[] {
  const parsed = parseManifests('f', manifests);
  if (!parsed.ok) throw new Error(parsed.error.map(formatIssue).join());
  const catalog = new Catalog();
  for (const object of parsed.value) catalog.upsert(object);
  const locality = { region: '', zone: '', subZone: '' };
  const scope = parseScope({
    cluster: '',
    metadata: {},
    locality,
    userAgent: '',
    clientFeatures: [],
    ...(node as { id: string }),
  });
  if (!scope.ok) throw new Error('no scope');
  const compiler = new MeshCompiler(buildModel(catalog.entries()).model);
  return [...(compiler.compile(scope.value).resources.get(typeUrls.route)?.values() ?? [])];
}

interface Ask {
  readonly authority: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The first of a node's routes that takes the request. */
function match(tables: readonly XdsResource[], { authority, fields }: Ask): Route {
  for (const resource of tables) {
    const decoded = decodeResource(resource);
    if (!decoded.ok || decoded.meaning.kind !== 'route') throw new Error(`${resource.name} is no route`);
    const table = compileRoutes(decoded.meaning.value);
    if (!table.ok) throw new Error(`${resource.name} does not compile`);
    const view = { authority, method: 'GET', path: '/', getName: (name: string) => fields[name] ?? null };
    const hit = table.value.match(view, new Xoshiro128(1));
    if (hit !== null && hit.route.name !== 'unknown') return hit.route;
  }
  throw new Error(`nothing takes ${authority}`);
}

/** What the caller's proxy writes into the head: the edits of the route, and of the backend that it chose. */
function leave(route: Route, authority: string): Ask {
  if (route.action.kind !== 'forward') throw new Error(`${route.name} forwards nothing`);
  const [chosen] = route.action.clusters;
  const steps = [...(chosen?.requestEdits ?? []), ...(route.requestEdits ?? [])];
  const fields = steps.map(({ name, value }) => [name, value] as const);
  return { authority: route.action.rewriteAuthority ?? authority, fields: Object.fromEntries(fields) };
}

/** How a pod answers: the cluster that it sends to, or its refusal. */
function answerOf(app: string, knows: string, ask: Ask): string | number {
  const inbound = tablesOf(knows, sidecarOf(app)).filter(({ name }) => name === 'inbound');
  const route = match(inbound, ask);
  if (route.action.kind === 'forward') return route.action.clusters[0]!.cluster;
  return route.action.kind === 'respond' ? route.action.status : 0;
}

const ways: readonly (readonly [name: string, node: object, manifests: string, authority: string])[] = [
  ['a route to another Service', caller, split, 'pricing'],
  ['weights and edits', caller, weights, 'pricing.bank'],
  ['a rewritten host', caller, renamed, 'pricing'],
  ['a gateway', edge, gateway + edgeRoute, 'shop.example.com'],
  ['a gateway on a port that nobody can know', edge, gateway + edgeRoute, 'shop.example.com:31080'],
];

describe.each(ways)('%s', (_name, node, manifests, authority) => {
  const outbound = tablesOf(plain + manifests, node).filter(({ name }) => name !== 'inbound');
  const asked = leave(match(outbound, { authority, fields: {} }), authority);

  test('a pod that has not heard of it serves it', () => {
    expect(answerOf('pricing-v2', plain, asked)).toBe('inbound:80');
  });

  test('a pod that has heard of it serves it', () => {
    expect(answerOf('pricing-v2', plain + manifests, asked)).toBe('inbound:80');
  });

  test('at a stale address it is refused, whoever lives there', () => {
    expect(answerOf('pricing-v1', plain, asked)).toBe(421);
    expect(answerOf('pricing', plain, asked)).toBe(
      // Its own name: the caller may be one that says nothing.
      authority.startsWith('pricing') && asked.authority === authority ? 'inbound:80' : 421,
    );
    const both = manifests.replaceAll('pricing-v2', 'pricing-v1');
    expect(answerOf('pricing-v1', plain + both, asked)).toBe(421);
  });
});
