// Writes src/proxy/config/schema/field-names.gen.ts: the names and numbers of all fields of the Envoy messages that the
// proxy reads, taken from the published .proto files. With it a refusal names a field that the proxy does not know,
// also when it came as bytes.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bootstrap } from '../src/proxy/config/schema/bootstrap.ts';
import type { MessageSpec } from '../src/proxy/config/schema/field.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const depsRoot = `${root}node_modules/@grpc/grpc-js-xds/deps`;
const apiRoots = [`${depsRoot}/envoy-api`, `${depsRoot}/xds`];

/** Fields of every message of one .proto text, nested messages under `Outer.Inner`: number to name. */
export function parseProtoFields(text: string): Map<string, Map<number, string>> {
  const messages = new Map<string, Map<number, string>>();
  const scope: { kind: string; name: string }[] = [];
  const clean = text
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/\/\/.*$/gm, '')
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  // Options of a field may span lines and braces: they never hold a field.
  const statements = clean.replaceAll(/\[[^\]]*\]/g, '').matchAll(/([^;{}]*)([;{}])/g);
  for (const [, head = '', mark] of statements) {
    const words = head.trim();
    if (mark === '{') {
      const opened = /(?:^|\s)(message|enum|oneof|service|extend|rpc)\s+(\w+)/.exec(words);
      scope.push({ kind: opened?.[1] ?? 'other', name: opened?.[2] ?? '' });
    } else if (mark === '}') {
      scope.pop();
    } else {
      addField(messages, scope, words);
    }
  }
  return messages;
}

function addField(
  messages: Map<string, Map<number, string>>,
  scope: readonly { kind: string; name: string }[],
  words: string,
): void {
  const inner = scope.at(-1)?.kind;
  if (inner !== 'message' && inner !== 'oneof') return;
  const field = /^(?:optional |repeated )?(?:map\s*<[^>]*>|[\w.]+)\s+(\w+)\s*=\s*(\d+)$/.exec(words);
  if (field === null || words.startsWith('option ') || words.startsWith('reserved ')) return;
  const name = scope
    .filter((level) => level.kind === 'message')
    .map((level) => level.name)
    .join('.');
  let fields = messages.get(name);
  if (fields === undefined) {
    fields = new Map();
    messages.set(name, fields);
  }
  fields.set(Number(field[2]), field[1]!);
}

const overrideHost = 'envoy.extensions.load_balancing_policies.override_host.v3';

/** Fields of Envoy 1.40 that the installed copy of its API is too old for, and whole messages. */
const newerFields: ReadonlyMap<string, readonly (readonly [number: number, name: string])[]> = new Map([
  [
    'envoy.extensions.filters.http.stateful_session.v3.StatefulSession',
    [
      [3, 'stat_prefix'],
      [4, 'status_on_strict_destination_not_found'],
    ],
  ],
  [
    'envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin',
    [
      [7, 'metric_names_for_computing_utilization'],
      [8, 'slow_start_config'],
      [9, 'oob_reporting_config'],
    ],
  ],
  [
    `${overrideHost}.OverrideHost`,
    [
      [1, 'override_host_sources'],
      [2, 'selected_host_key'],
      [3, 'fallback_policy'],
    ],
  ],
  [
    `${overrideHost}.OverrideHost.OverrideHostSource`,
    [
      [1, 'header'],
      [2, 'metadata'],
    ],
  ],
  [
    'envoy.extensions.filters.http.header_mutation.v3.Mutations',
    [
      [3, 'query_parameter_mutations'],
      [4, 'response_trailers_mutations'],
      [5, 'request_trailers_mutations'],
    ],
  ],
  ['envoy.config.core.v3.KeyValueAppend', [[3, 'record']]],
  [
    'envoy.config.core.v3.KeyValuePair',
    [
      [1, 'key'],
      [2, 'value'],
    ],
  ],
  [
    'envoy.config.route.v3.RateLimit',
    [
      [5, 'hits_addend'],
      [6, 'apply_on_stream_done'],
    ],
  ],
  [
    'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
    [
      [17, 'rate_limits'],
      [18, 'max_dynamic_descriptors'],
    ],
  ],
  [
    'envoy.extensions.filters.http.ratelimit.v3.RateLimit',
    [
      [14, 'filter_enabled'],
      [15, 'filter_enforced'],
      [16, 'failure_mode_deny_percent'],
      [17, 'rate_limits'],
    ],
  ],
  [
    'envoy.extensions.http.original_ip_detection.xff.v3.XffConfig',
    [
      [2, 'xff_trusted_cidrs'],
      [3, 'skip_xff_append'],
    ],
  ],
  ['envoy.extensions.http.original_ip_detection.xff.v3.XffTrustedCidrs', [[1, 'cidrs']]],
  ['envoy.config.core.v3.HttpProtocolOptions', [[7, 'max_response_headers_kb']]],
  [
    'envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig',
    [
      [4, 'force_locality_direct_routing'],
      [5, 'locality_basis'],
    ],
  ],
]);

/** All fields of the message of this full name, `envoy.config.cluster.v3.Cluster.EdsClusterConfig`. */
export function findMessage(fullName: string, texts: readonly string[]): Map<number, string> {
  const inner = fullName.slice(fullName.search(/\.[A-Z]/) + 1);
  const packageName = fullName.slice(0, fullName.length - inner.length - 1);
  for (const text of texts) {
    if (!text.includes(`package ${packageName};`)) continue;
    const fields = parseProtoFields(text).get(inner);
    if (fields !== undefined) return new Map([...fields, ...(newerFields.get(fullName) ?? [])]);
    // A message without fields is one too.
    if (new RegExp(`message ${inner.slice(inner.lastIndexOf('.') + 1)} `).test(text)) return new Map();
  }
  const newer = newerFields.get(fullName);
  if (newer !== undefined) return new Map(newer);
  throw new Error(`no message ${fullName} in ${apiRoots.join(', ')}`);
}

export function readProtoFiles(): readonly string[] {
  return apiRoots.flatMap((folder) =>
    [...new Bun.Glob('**/v3/*.proto').scanSync(folder)]
      .sort()
      .map((file) => readFileSync(`${folder}/${file}`, 'utf8')),
  );
}

/** Every message that `spec` reaches, itself first, each once. */
export function reachableMessages(
  spec: MessageSpec,
  seen = new Map<string, MessageSpec[]>(),
): Map<string, MessageSpec[]> {
  const same = seen.get(spec.name);
  if (same?.includes(spec)) return seen;
  if (same === undefined) seen.set(spec.name, [spec]);
  else same.push(spec);
  for (const { type } of Object.values(spec.fields)) {
    if (type.kind === 'message') reachableMessages(type.of, seen);
    else if (type.kind === 'any') for (const inner of type.types) reachableMessages(inner, seen);
  }
  return seen;
}

const lineWidth = 110;

/** The text of the generated table. */
export function encodeFieldNames(): string {
  const texts = readProtoFiles();
  const rows = [...reachableMessages(bootstrap).keys()].sort().map((name) => {
    const fields = [...findMessage(name, texts)].sort((left, right) => left[0] - right[0]);
    const row = `'${fields.map(([number, field]) => `${number}:${field}`).join(' ')}',`;
    const line = `  '${name}': ${row}`;
    // As the formatter would break it.
    return line.length <= lineWidth ? line : `  '${name}':\n    ${row}`;
  });
  return `// Generated by tools/envoy-fields.ts from the published Envoy API. Numbers and names of all fields, supported or not.\n\nexport const fieldNames: Readonly<Record<string, string>> = {\n${rows.join('\n')}\n};\n`;
}

if (import.meta.main) writeFileSync(`${root}/src/proxy/config/schema/field-names.gen.ts`, encodeFieldNames());
