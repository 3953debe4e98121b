// Every rule that the schemas state is broken here, and the object that breaks it is told so in its words: whole
// objects are changed in every way (testing/mutations.ts), and what that does not reach is broken by hand.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Glob } from 'bun';
import { parse, parseAllDocuments } from 'yaml';
import { effortTimeoutMs } from '../../testing/effort.ts';
import { parseObject } from '../source/parse.ts';
import { mutate } from '../testing/mutations.ts';
import { validateObject } from './validate.ts';

// Thousands of objects: work, not waiting.
setDefaultTimeout(effortTimeoutMs);

type Json = Readonly<Record<string, unknown>>;

const whole = parseAllDocuments(
  readFileSync(join(import.meta.dir, 'testdata/whole-objects.yaml'), 'utf8'),
).map((document) => document.toJS() as Json & { readonly spec: unknown });

function rulesOf(object: unknown): readonly string[] {
  const raw = parseObject({ file: '', line: 0 }, object as Json);
  const verdict = raw.ok ? validateObject(raw.value) : null;
  return verdict === null || verdict.kind === 'ignored' ? [] : verdict.issues.map(({ rule }) => rule);
}

/** What no definition is published for. */
const core = [
  `{ apiVersion: v1, kind: Service, metadata: { name: a }, spec: { type: ClusterIP, internalTrafficPolicy: Local, sessionAffinity: ClientIP, selector: { a: b }, ports: [{ name: a, protocol: TCP, port: 80, targetPort: a }] } }`,
].map((one) => parse(one) as Json & { readonly spec: unknown });

const v1 = 'apiVersion: v1, kind: Service';
const slice = 'apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: { name: a }';
const policy = 'apiVersion: weft.dev/v1alpha1, kind: ServicePolicy, metadata: { name: a }';
const target = 'targetRefs: [{ group: "", kind: Service, name: a }]';
const redirect = '{ type: RequestRedirect, requestRedirect: {} }';
const route = 'apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute';
const grpc = 'apiVersion: gateway.networking.k8s.io/v1, kind: GRPCRoute, metadata: { name: a }';
const tlsRoute = 'apiVersion: gateway.networking.k8s.io/v1, kind: TLSRoute, metadata: { name: a }';
const backendTls = 'apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, metadata: { name: a }';
const byHand = [
  '{ apiVersion: v1, kind: Service, metadata: { name: a }, spec: { externalName: localhost } }',
  '{ apiVersion: v1, kind: Service, metadata: { name: a }, spec: { externalName: 10.96.0.1 } }',
  '{ apiVersion: gateway.networking.x-k8s.io/v1alpha1, kind: XBackend, metadata: { name: a }, spec: { type: ExternalHostname, port: { port: 80 }, externalHostname: { hostname: 10.96.0.1 } } }',
  `{ ${tlsRoute}, spec: { hostnames: [${'a,'.repeat(1025)}] } }`,
  ...['{ type: Hostname, hostname: a, uri: b }', '{ type: URI, hostname: a, uri: b }'].map(
    (name) => `{ ${backendTls}, spec: { validation: { subjectAltNames: [${name}] } } }`,
  ),
  `{ ${route}, metadata: { name: a }, spec: { rules: [{ filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: a, port: 1 }, percent: 1, fraction: { numerator: 1 } } }] }] } }`,
  ...['FQDN', 'IPv9', 'IPv4'].map(
    (type) => `{ ${slice}, addressType: ${type}, endpoints: [{ addresses: [a] }] }`,
  ),
  `{ ${slice}, addressType: IPv4, endpoints: [{ addresses: [] }] }`,
  `{ ${policy}, spec: { ${target}, rateLimit: {}, loadBalancing: { consistentHash: {}, type: Random, slowStart: { window: 1m } }, retry: { on: [], true: [] } } }`,
  `{ ${policy}, spec: { ${target}, loadBalancing: { type: Random, slowStart: { window: 1m } } } }`,
  `{ ${policy}, spec: { ${target}, healthCheck: { http: { path: x, host: "/", expectedStatuses: [1, "2"] } } } }`,
  `{ ${policy}, spec: { ${target}, healthCheck: {} } }`,
  `{ ${policy}, spec: { targetRefs: [{ group: "", kind: Service, name: a, sectionName: b }], sidecar: {} } }`,
  '{ apiVersion: gateway.networking.x-k8s.io/v1alpha1, kind: XBackend, metadata: { name: a }, spec: { port: { name: 1, port: 80 }, externalHostname: { hostname: a.cluster.local } } }',
  `{ apiVersion: weft.dev/v1alpha1, kind: Other, metadata: { name: a } }`,
  `{ apiVersion: v1, kind: Servic, metadata: { name: a } }`,
  `{ ${route}, metadata: { name: a }, spec: { rules: [{ filters: [${redirect}, { type: URLRewrite, urlRewrite: {} }], backendRefs: [{ name: a, port: 80 }] }] } }`,
  `{ ${v1}, metadata: { name: a, labels: { a: 1 } }, spec: { ports: [{ port: 80, targetPort: [] }] } }`,
  `{ ${grpc}, spec: { rules: [{ matches: [${'{},'.repeat(64)}] }, { matches: [${'{},'.repeat(64)}] }, {}] } }`,
  `{ ${grpc}, spec: { rules: [{ name: a }, { name: a }] } }`,
  `{ ${v1}, metadata: { name: A } }`,
  `{ ${v1}, metadata: { name: ${'a'.repeat(64)} } }`,
  `{ ${v1}, metadata: { name: a, namespace: "a.b" } }`,
  `{ ${v1}, metadata: { name: a, namespace: 1 } }`,
  `{ apiVersion: apps/v9, kind: HTTPRoute, metadata: { name: a } }`,
  `{ apiVersion: gateway.networking.k8s.io/v9, kind: HTTPRoute, metadata: { name: a } }`,
  `{ ${route}, metadata: { name: a }, spec: { rules: [{ matches: [${'{},'.repeat(64)}] }, { matches: [${'{},'.repeat(64)}] }, {}] } }`,
];

/** Pieces of rules in the sources: what is fixed of a text that says what must be. */
function rulesIn(text: string): readonly string[] {
  const literals = /(['`])((?:must|is not|is a|has|does|cannot) [^'`\n]*)\1|"((?:must|is not|has) [^"\n]*)"/g;
  return [...text.matchAll(literals)].map(([, , single, double]) => {
    const pieces = (single ?? double ?? '').split(/\$\{[^}]*\}?/).map((piece) => piece.trim());
    return pieces.sort((a, b) => b.length - a.length)[0]!;
  });
}

test('every rule of the schemas is broken, and said', () => {
  const objects = [
    ...[...whole, ...core].flatMap((one) => mutate(one).map(({ object }) => object)),
    ...byHand.map((one) => parse(one)),
  ];
  const said = new Set(objects.flatMap(rulesOf));
  const all = [...said].join('\n');
  const sources = [...new Glob('*.ts').scanSync(import.meta.dir)].filter(
    (path) => !/\.test\.ts$|custom-resources/.test(path),
  );
  const rules = sources.flatMap((path) => rulesIn(readFileSync(join(import.meta.dir, path), 'utf8')));
  expect(rules.length).toBeGreaterThan(80);
  expect(rules.filter((rule) => !all.includes(rule))).toEqual([]);
});
