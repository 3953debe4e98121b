// The judge of everything that is kept from model to model: after any history of objects, what is served is, byte for
// byte, what a control plane serves that sees the objects of its end for the first time.

import { describe, expect, test } from 'bun:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { createSelfSigned } from '../../testing/certificates.ts';
import { RouteConfigurationSchema, type VirtualHost, VirtualHostSchema } from '../../xds/api.ts';
import { PartlyNamed, typeUrls, virtualHostType, type XdsNode } from '../../xds/index.ts';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { ModelBuilder } from '../model/model-builder.ts';
import { checkConsistent } from '../snapshot/consistent.ts';
import { parseManifests } from '../source/parse.ts';
import type { RawObject } from '../source/types.ts';
import { MeshCompiler } from './mesh.ts';
import { parseScope, type Scope } from './scope.ts';

const names = ['db', 'ledger', 'cards'];
const spaces = ['bank', 'db'];

/** Services that come and go by themselves, and what mentions one of them now and then. */
function listLone(): readonly (readonly string[])[] {
  const meta = (name: string) => `metadata: { name: ${name}, namespace: bank }`;
  const service = (name: string, spec: string) =>
    `apiVersion: v1\nkind: Service\n${meta(name)}\nspec: { selector: { app: ledger }, ${spec} }`;
  const slice = (name: string, endpoint: string) =>
    `apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: { name: ${name}-1, namespace: bank, labels: { kubernetes.io/service-name: ${name} } }\naddressType: IPv4\nports: [{ name: http, port: 8080 }]\nendpoints: [{ ${endpoint} }]`;
  const route = (parent: string, backend: string) =>
    `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n${meta('r')}\nspec: { parentRefs: [{ group: "", kind: Service, name: ${parent} }], rules: [{ backendRefs: [{ name: ${backend}, port: 80 }] }] }`;
  const grpc = `apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\n${meta('g')}\nspec: { parentRefs: [{ group: "", kind: Service, name: a }], rules: [{ backendRefs: [{ name: a, port: 80 }] }] }`;
  const policy = (kind: string, name: string, spec: string) =>
    `apiVersion: weft.dev/v1alpha1\nkind: ${kind}\n${meta('p')}\nspec: { targetRefs: [{ group: "", kind: Service, name: ${name} }], ${spec} }`;
  const http = 'ports: [{ name: http, port: 80 }]';
  return [
    ...['a', 'm', 'z'].flatMap((name) => [
      [
        service(name, http),
        service(
          name,
          'ports: [{ name: http, port: 80, appProtocol: odd }, { name: u, port: 53, protocol: UDP }]',
        ),
        service(name, `clusterIP: None, ${http}`),
        service(name, `trafficDistribution: Odd, internalTrafficPolicy: Local, ${http}`),
        service(name, 'ports: [{ name: http, port: none }]'),
      ],
      [
        slice(name, 'addresses: [10.0.0.1], zone: a'),
        slice(name, 'addresses: [10.0.0.2], hostname: db-0'),
        slice(name, 'addresses: [10.0.0.2], hostname: db-1'),
      ],
    ]),
    // Without a Service.
    [slice('k', 'addresses: [10.0.0.3]')],
    [route('a', 'a'), route('c', 'z'), route('db-0.m', 'c')],
    [grpc],
    [
      policy('ServicePolicy', 'm', 'timeouts: { request: 3s }'),
      policy('ServicePolicy', 'c', 'timeouts: { request: 3s }'),
    ],
    [policy('AccessPolicy', 'z', 'rules: [{ from: [{ serviceAccount: { name: cards } }] }]')],
  ];
}

/** Everything that a history is made of: each object in several versions. */
function listVersions(): readonly (readonly string[])[] {
  const objects: string[][] = [];
  for (const namespace of spaces)
    for (const name of names) {
      const meta = `metadata: { name: ${name}, namespace: ${namespace} }`;
      const base = `apiVersion: v1\nkind: Service\n${meta}\n`;
      const selector = `selector: { app: ${name} }`;
      const http = 'ports: [{ name: http, port: 80, targetPort: 8080 }]';
      objects.push([
        `${base}spec: { ${selector}, ${http} }`,
        `${base}spec: { selector: { app: ledger, tier: a }, ${http}, trafficDistribution: PreferClose }`,
        `${base}spec: { ${selector}, ${http}, internalTrafficPolicy: Local }`,
        `${base}spec: { ${selector}, ${http}, trafficDistribution: PreferSameNode, sessionAffinity: ClientIP }`,
        `${base}spec: { ${selector}, clusterIP: None, ${http} }`,
        `${base}spec: { ${selector}, ports: [{ name: http, port: 81, targetPort: web }, { name: g, port: 82, appProtocol: grpc }] }`,
        `${base}spec: { type: ExternalName, externalName: x.example.com, ${http} }`,
      ]);
      for (const number of [1, 2]) {
        const slice = (label: string, endpoints: string, port = 8080) =>
          `apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: { name: ${name}-${number}, namespace: ${namespace}, labels: { kubernetes.io/service-name: ${label} } }\naddressType: IPv4\nports: [{ name: http, port: ${port} }]\nendpoints: [${endpoints}]`;
        const one = `{ addresses: [10.0.0.${number}], zone: a }`;
        objects.push([
          slice(name, one),
          slice(name, `${one}, { addresses: [10.0.1.1], zone: b, nodeName: n, conditions: { ready: true } }`),
          slice(name, `{ addresses: [10.0.0.${number}], nodeName: m, hints: { forNodes: [{ name: n }] } }`),
          slice(
            name,
            '{ addresses: [10.0.1.1], conditions: { ready: false, serving: true, terminating: true } }',
          ),
          slice(name, `{ addresses: [10.0.0.${number}], hostname: db-${number} }`),
          slice(name, `{ addresses: [10.0.0.9], hostname: db-${number} }`),
          slice(names[0]!, one, 9090),
          slice(name, ''),
        ]);
      }
      const route = (parent: string, rule: string, space = namespace) =>
        `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: ${name}, namespace: ${space} }\nspec: { parentRefs: [${parent}], rules: [{ ${rule} }] }`;
      const to = (service: string) => `{ group: "", kind: Service, name: ${service}, namespace: bank }`;
      objects.push([
        route(to(name), `backendRefs: [{ name: ledger, port: 80 }]`),
        route(to('ledger'), `backendRefs: [{ name: ${name}, port: 80 }, { name: gone, port: 80 }]`),
        route(
          to('cards'),
          `backendRefs: [{ name: ledger, port: 80 }], filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: ${name}, port: 80 } } }]`,
        ),
        route(
          '{ group: gateway.networking.k8s.io, kind: Gateway, name: edge, namespace: bank }',
          `backendRefs: [{ name: ${name}, port: 80 }]`,
        ),
        route(
          to(name),
          'filters: [{ type: CORS, cors: { allowOrigins: ["https://a.example.com"] } }], backendRefs: [{ name: db, port: 80 }]',
        ),
      ]);
      const policy = (spec: string) =>
        `apiVersion: weft.dev/v1alpha1\nkind: ServicePolicy\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: { targetRefs: [{ group: "", kind: Service, name: ${name} }], ${spec} }`;
      objects.push([policy('timeouts: { request: 3s }'), policy('loadBalancing: { locality: PreferZone }')]);
      objects.push([
        `apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: { targetRefs: [{ group: "", kind: Service, name: ${name} }], validation: { hostname: a.example.com, wellKnownCACertificates: System } }`,
        `apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: { targetRefs: [{ group: "", kind: Service, name: ${name} }], validation: { hostname: a.example.com, caCertificateRefs: [{ group: "", kind: ConfigMap, name: gone }] } }`,
      ]);
    }
  const external = (spec: string) =>
    `apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\nmetadata: { name: x, namespace: bank }\nspec: { type: ExternalHostname, port: { port: 443 }, externalHostname: { hostname: x.example.com }, ${spec} }`;
  objects.push([
    external('tls: { mode: ServerOnly }'),
    external('protocol: HTTP2'),
    external('tls: { mode: ClientAndServer, clientCertificateRef: { name: client } }'),
  ]);
  const outside = (parent: string) =>
    `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: x, namespace: bank }\nspec: { parentRefs: [${parent}], rules: [{ backendRefs: [{ group: gateway.networking.x-k8s.io, kind: XBackend, name: x }] }] }`;
  objects.push([outside('{ name: edge }'), outside('{ group: "", kind: Service, name: ledger }')]);
  const access = (rule: string) =>
    `apiVersion: weft.dev/v1alpha1\nkind: AccessPolicy\nmetadata: { name: a, namespace: bank }\nspec: { targetRefs: [{ group: "", kind: Service, name: ledger }], rules: [${rule}] }`;
  objects.push([
    access('{ from: [{ serviceAccount: { name: cards } }] }'),
    access('{ from: [{ namespace: { name: db } }], ports: [http] }'),
  ]);
  const pod = (ip: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: { name: p, namespace: bank }\nspec: { serviceAccountName: cards }\nstatus: { phase: Running, podIPs: [{ ip: ${ip} }] }`;
  objects.push([pod('10.0.0.7'), pod('10.0.0.8')]);
  objects.push([
    'apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: edge, namespace: bank }\nspec: { gatewayClassName: weft, listeners: [{ name: http, protocol: HTTP, port: 80 }] }',
    'apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: edge, namespace: bank }\nspec: { gatewayClassName: weft, listeners: [{ name: http, protocol: HTTP, port: 80, hostname: "*.example.com" }] }',
    'apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: edge, namespace: bank }\nspec: { gatewayClassName: weft, listeners: [{ name: http, protocol: HTTP, port: 80 }], tls: { backend: { clientCertificateRef: { name: client } } } }',
  ]);
  const secret = (certificate: string, key: string) =>
    `apiVersion: v1\nkind: Secret\nmetadata: { name: client, namespace: bank }\ntype: kubernetes.io/tls\nstringData: { tls.crt: ${JSON.stringify(certificate)}, tls.key: ${JSON.stringify(key)} }`;
  const [one, other] = [createSelfSigned({ commonName: 'one' }), createSelfSigned({ commonName: 'other' })];
  objects.push([
    secret(one.chainPem, one.keyPem),
    secret(other.chainPem, other.keyPem),
    secret('none', 'none'),
  ]);
  return objects;
}

type Versions = readonly (readonly RawObject[])[];

function parseVersions(texts: readonly (readonly string[])[]): Versions {
  return texts.map((versions) =>
    versions.map((text) => {
      const parsed = parseManifests('f', text);
      if (!parsed.ok || parsed.value.length !== 1) throw new Error(`${text}: ${JSON.stringify(parsed)}`);
      return parsed.value[0]!;
    }),
  );
}

const objects = parseVersions(listVersions());
const lone = parseVersions(listLone());

const scopes: readonly Scope[] = [
  ['sidecar~a.bank', 'a', { labels: { app: 'ledger', pod: '1' } }],
  ['sidecar~b.bank', '', { labels: { app: 'ledger', tier: 'a' } }],
  ['sidecar~b.bank', '', { labels: { app: 'ledger', tier: 'a' }, node: 'n' }],
  ['sidecar~b.bank', 'a', { labels: { app: 'ledger', tier: 'a' }, node: 'n' }],
  ['sidecar~b.bank', '', { labels: { app: 'ledger', tier: 'a' }, vhds: true }],
  ['sidecar~c.db', 'b', { labels: { app: 'db' } }],
  ['sidecar~c.db', 'b', { labels: { app: 'db' }, vhds: true }],
  ['sidecar~c.db', 'b', { labels: { app: 'db' }, vhds: true, cds: 'on-demand' }],
  ['sidecar~c.db', 'b', { labels: { app: 'db' }, capture: true, cds: 'on-demand' }],
  ['sidecar~d.other', '', {}],
  ['sidecar~e.bank', 'a', { calls: ['ledger', 'db.db'] }],
  ['sidecar~e.bank', '', { calls: ['ledger.bank'], capture: true }],
  ['sidecar~e.bank', '', { calls: 'allowed', account: 'a', vhds: true }],
  ['agent~n', 'a', {}],
  ['agent~n', 'a', { vhds: true }],
  ['agent~n', 'a', { cds: 'on-demand' }],
  ['gateway~g.bank', '', {}],
].map(([id, zone, metadata]) => {
  const node = { id, cluster: '', metadata, locality: { region: '', zone, subZone: '' } };
  const scope = parseScope({ ...node, userAgent: '', clientFeatures: [] } as XdsNode);
  if (!scope.ok) throw new Error('no scope');
  return scope.value;
});

function show(compiler: MeshCompiler) {
  return scopes.map((scope) => {
    const { resources, notes } = compiler.compile(scope);
    const sets = [...resources].map(([typeUrl, set]) => [
      typeUrl,
      [...(set instanceof PartlyNamed ? [...set.unasked, ...set.named] : set)].map(
        ([name, { version, bytes }]) => `${name} ${version} ${Bun.hash(bytes)}`,
      ),
    ]);
    return { notes, sets };
  });
}

function historyOf(all: Versions) {
  const event = fc.record({ object: fc.nat({ max: all.length - 1 }), version: fc.nat({ max: 9 }) });
  return fc.array(fc.array(event, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 });
}
const effort = Number(process.env['WEFT_TEST_EFFORT'] ?? 1);

describe('incremental is whole', () => {
  test.each([
    ['all objects', objects],
    ['Services that little mentions', lone],
  ])(
    'after each batch of any history of %s',
    (_of, all) => {
      fc.assert(
        fc.property(historyOf(all), (batches) => {
          const catalog = new Catalog();
          const builder = new ModelBuilder(catalog);
          const compiler = new MeshCompiler(builder.built.model);
          let before = scopes.map((scope) => compiler.compile(scope).resources);
          for (const batch of batches) {
            for (const { object, version } of batch) {
              const versions = all[object]!;
              const raw = versions[version];
              const { key } = versions[0]!;
              const old = catalog.get(key);
              if (raw === undefined) catalog.remove(key);
              else if (!catalog.upsert(raw)) continue;
              builder.note(old, catalog.get(key));
            }
            const built = builder.update();
            compiler.follow(built.model);
            const whole = buildModel(catalog.entries());
            expect(built.model).toEqual(whole.model);
            expect([...built.model.services.keys()]).toEqual([...whole.model.services.keys()]);
            expect(built.book).toEqual(whole.book);
            expect(show(compiler)).toEqual(show(new MeshCompiler(whole.model)));
            const after = scopes.map((scope) => compiler.compile(scope).resources);
            for (const [i, resources] of after.entries()) {
              expect(checkConsistent(resources)).toBeNull();
              expect(checkConsistent(resources, before[i])).toBeNull();
            }
            before = after;
          }
        }),
        { numRuns: 60 * effort },
      );
    },
    60_000 * effort,
  );

  test('hosts that come by themselves are those of the table', () => {
    fc.assert(
      fc.property(historyOf(objects), (batches) => {
        const catalog = new Catalog();
        for (const { object, version } of batches.flat()) {
          const raw = objects[object]![version];
          if (raw !== undefined) catalog.upsert(raw);
        }
        const compiler = new MeshCompiler(buildModel(catalog.entries()).model);
        for (const scope of scopes) {
          if (scope.role === 'gateway' || scope.role === 'grpc' || scope.vhds === 'table') continue;
          const one = compiler.compile(scope).resources.get(virtualHostType)!;
          const table = compiler.compile({ ...scope, vhds: 'table' }).resources.get(typeUrls.route)!;
          const bytes = table.get(scope.role === 'agent' ? 'agent' : 'outbound')!.bytes;
          const { virtualHosts } = fromBinary(RouteConfigurationSchema, bytes);
          const hosts = [...one.values()].map((host) => fromBinary(VirtualHostSchema, host.bytes));
          expect(hosts.map(({ name }) => name)).toEqual([...one.keys()]);
          const show = (host: VirtualHost) =>
            Bun.hash(toBinary(VirtualHostSchema, { ...host, name: '' })).toString();
          expect(hosts.map(show).sort()).toEqual(virtualHosts.slice(0, -1).map(show).sort());
        }
      }),
      { numRuns: 30 * effort },
    );
  });

  test('nothing that changed nothing makes anything anew', () => {
    const catalog = new Catalog();
    const builder = new ModelBuilder(catalog);
    for (const [first] of objects) {
      catalog.upsert(first!);
      builder.note(null, catalog.get(first!.key));
    }
    const compiler = new MeshCompiler(builder.update().model);
    const before = scopes.map((scope) => compiler.compile(scope));
    const service = objects[0]![0]!;
    builder.note(catalog.get(service.key), catalog.get(service.key));
    compiler.follow(builder.update().model);
    const after = scopes.map((scope) => compiler.compile(scope));
    expect(after.every((one, i) => one === before[i])).toBe(true);
  });
});
