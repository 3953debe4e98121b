// Golden files of the compiler: each `NAME.in.yaml` holds nodes and manifests, `NAME.out.yaml` the conditions and the
// resources that each node gets. WEFT_UPDATE_GOLDEN=1 writes the outputs; the diff is the review.

import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  create,
  createFileRegistry,
  createRegistry,
  type DescMessage,
  fromBinary,
  type JsonValue,
  toJson,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { formatIssue, Xoshiro128 } from '../../base/index.ts';
import { decodeResource } from '../../proxy/config/decode-resource.ts';
import { createSelfSigned } from '../../testing/certificates.ts';
import { effortTimeoutMs, runs } from '../../testing/effort.ts';
import {
  ClusterLoadAssignmentSchema,
  ClusterSchema,
  CorsPolicySchema,
  CorsSchema,
  DownstreamTlsContextSchema,
  HttpConnectionManagerSchema,
  HttpFilterRBACPerRouteSchema,
  HttpFilterRBACSchema,
  LeastRequestSchema,
  ListenerSchema,
  MaglevSchema,
  NetworkFilterRBACSchema,
  RandomSchema,
  RingHashSchema,
  RoundRobinSchema,
  RouteConfigurationSchema,
  RouterSchema,
  StdoutAccessLogSchema,
  TcpProxySchema,
  TlsInspectorSchema,
  TypedStructSchema,
  UpstreamHttpProtocolOptionsSchema,
  UpstreamTlsContextSchema,
} from '../../xds/api.ts';
import type { XdsNode, XdsResource } from '../../xds/index.ts';
import { MeshCompiler } from '../compile/mesh.ts';
import { parseScope } from '../compile/scope.ts';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { parseManifests } from '../source/parse.ts';
import { reportObjects } from '../status/report.ts';

// Every case is compiled several times over: work, not waiting.
setDefaultTimeout(effortTimeoutMs);

/** Sent as bare types, so no code was generated for them. */
const bareTypes = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      ['envoy.extensions.retry.host.previous_hosts.v3', 'PreviousHostsPredicate'],
      ['envoy.extensions.filters.listener.original_dst.v3', 'OriginalDst'],
      ['envoy.extensions.filters.listener.http_inspector.v3', 'HttpInspector'],
      ['envoy.extensions.filters.listener.proxy_protocol.v3', 'ProxyProtocol'],
    ].map(([namespace, name]) => ({
      name: `${name}.proto`,
      package: namespace!,
      messageType: [{ name: name! }],
    })),
  }),
);

const registry = createRegistry(
  bareTypes,
  CorsPolicySchema,
  DownstreamTlsContextSchema,
  TcpProxySchema,
  TlsInspectorSchema,
  CorsSchema,
  HttpFilterRBACPerRouteSchema,
  HttpFilterRBACSchema,
  HttpConnectionManagerSchema,
  LeastRequestSchema,
  MaglevSchema,
  NetworkFilterRBACSchema,
  RandomSchema,
  RingHashSchema,
  RoundRobinSchema,
  RouterSchema,
  StdoutAccessLogSchema,
  TypedStructSchema,
  UpstreamHttpProtocolOptionsSchema,
  UpstreamTlsContextSchema,
);

const schemas = new Map<string, DescMessage>(
  [ClusterSchema, ClusterLoadAssignmentSchema, ListenerSchema, RouteConfigurationSchema].map((schema) => [
    `type.googleapis.com/${schema.typeName}`,
    schema,
  ]),
);

interface GoldenInput {
  readonly nodes: readonly (Partial<XdsNode> & { readonly show?: readonly string[] })[];
}

describe('golden', () => {
  const cases = readdirSync(import.meta.dir).filter((file) => file.endsWith('.in.yaml'));
  test.each(cases)('%s', (file) => {
    const path = join(import.meta.dir, file);
    const output = stringify(hideCertificates(compileCase(readFileSync(path, 'utf8'))), {
      lineWidth: 130,
      aliasDuplicateObjects: false,
    });
    const expected = path.replace('.in.yaml', '.out.yaml');
    if (process.env['WEFT_UPDATE_GOLDEN'] === '1') writeFileSync(expected, output);
    expect(output).toBe(readFileSync(expected, 'utf8'));
  });

  test.each(cases)('%s in any order of arrival', (file) => {
    const text = readFileSync(join(import.meta.dir, file), 'utf8');
    const expected = JSON.stringify(compileCase(text));
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        expect(JSON.stringify(compileCase(text, seed))).toBe(expected);
      }),
      { numRuns: runs(5), seed: 3 },
    );
  });
});

const certificate = createSelfSigned({ dns: ['www.example.com'] });

/** Nothing that looks like a key is kept in a file. */
function withCertificates(text: string): string {
  return text
    .replaceAll('$CERTIFICATE', () => JSON.stringify(certificate.pem))
    .replaceAll('$KEY', () => JSON.stringify(certificate.keyPem));
}

function shuffle<T>(items: readonly T[], seed: number | null): readonly T[] {
  if (seed === null) return items;
  const random = new Xoshiro128(seed);
  return items
    .map((item) => [random.float(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

/** They are made anew at each run. */
function hideCertificates(value: JsonValue): JsonValue {
  const text = JSON.stringify(value).replaceAll(JSON.stringify(certificate.pem.trim()), '"$CERTIFICATE"');
  return JSON.parse(text) as JsonValue;
}

/** `seed`: in what order the objects come; null: as written. */
function compileCase(source: string, seed: number | null = null): JsonValue {
  const text = withCertificates(source);
  const separator = text.indexOf('\n---\n');
  const { nodes }: GoldenInput = parse(text.slice(0, separator));
  const parsed = parseManifests('in.yaml', text.slice(separator));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const catalog = new Catalog();
  for (const object of shuffle(parsed.value, seed)) catalog.upsert(object);
  const entries = catalog.entries();
  const { model, book } = buildModel(entries);
  const compiler = new MeshCompiler(model);
  const conditions = reportObjects(entries, book).flatMap((status) =>
    status.conditions.map(
      (one) =>
        `${status.key}: ${one.type}=${one.status} ${one.reason} about ${one.about || 'itself'}${one.message && `: ${one.message}`}`,
    ),
  );
  return {
    conditions,
    proxies: Object.fromEntries(nodes.map((node) => [node.id, compileNode(compiler, node)])),
  };
}

/** `show` in the input names the resources worth reading in this case. */
function compileNode(compiler: MeshCompiler, node: GoldenInput['nodes'][number]): JsonValue {
  const scope = parseScope({
    id: node.id ?? '',
    cluster: node.cluster ?? '',
    metadata: node.metadata ?? {},
    locality: { region: '', zone: '', subZone: '', ...node.locality },
    userAgent: 'golden',
    clientFeatures: [],
  });
  if (!scope.ok) return { issues: scope.error.map((issue) => ({ ...issue })) };
  const { resources, notes } = compiler.compile(scope.value);
  const shown: Record<string, JsonValue> = {};
  for (const [typeUrl, byName] of resources) {
    const kind = typeUrl.split('.').at(-1) ?? '';
    const all = [...byName.values()].filter(
      ({ name }) => node.show === undefined || node.show.includes(`${kind} ${name}`),
    );
    for (const resource of byName.values()) expect(judge(resource)).toEqual([]);
    for (const resource of all) shown[`${kind} ${resource.name}`] = decode(resource);
  }
  return { notes: [...notes], names: listNames(resources), resources: shown };
}

/** What Weft's own proxy has against a resource. */
function judge(resource: XdsResource): readonly string[] {
  const decoded = decodeResource(resource);
  return decoded.issues.map(formatIssue);
}

function listNames(resources: ReadonlyMap<string, ReadonlyMap<string, XdsResource>>): JsonValue {
  return Object.fromEntries(
    [...resources].map(([type, map]) => [type.split('.').at(-1) ?? '', inLines([...map.keys()].join(' '))]),
  );
}

/** What is too long for a line is a list: of folded texts formatters have views of their own. */
function inLines(names: string): JsonValue {
  return names.length <= 90 ? names : (names.match(/\S.{0,79}(?= |$)|\S+/g) ?? []);
}

function decode(resource: XdsResource): JsonValue {
  const schema = schemas.get(resource.typeUrl);
  if (schema === undefined) throw new Error(resource.typeUrl);
  return toJson(schema, fromBinary(schema, resource.bytes), { registry, useProtoFieldName: true });
}
