// What a user may ask the load generator to send: one URL on the command line, or a scenario file with weighted
// requests. Both become the same list, and every fault in it is reported at once with its path.

import type { JsonValue } from '@bufbuild/protobuf';
import { z } from 'zod';
import { fail, type Issue, ok, type Result } from '../base/index.ts';
import { loadLimits } from './limits.ts';
import { parseTime, timeRule } from './parse-time.ts';
import type { LoadCall } from './types.ts';

export interface ScenarioRequest {
  /** The URL's scheme was https. */
  readonly secure: boolean;
  /** IP literal or name to connect to, and the port. */
  readonly host: string;
  readonly port: number;
  /** What `host` says; a header of that name in the scenario wins over the URL's. */
  readonly authority: string;
  readonly path: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | null;
  readonly call: LoadCall | null;
  /** Messages of the call that are JSON still: only the method's descriptor tells their bytes (grpc/plan-calls.ts). */
  readonly json: JsonMessages | null;
  readonly weight: number;
  readonly idempotencyKey: boolean;
  readonly expects: (status: number) => boolean;
}

export interface JsonMessages {
  readonly values: readonly JsonValue[];
  /** Messages of a stream: the values, again and again; 0: each once. */
  readonly count: number;
}

/** Where descriptors of methods come from. */
export interface DescriptorSources {
  /** .proto files. */
  readonly proto: readonly string[];
  readonly importPaths: readonly string[];
  /** The server itself is asked. */
  readonly reflection: boolean;
}

export interface Scenario {
  readonly requests: readonly ScenarioRequest[];
  readonly descriptors: DescriptorSources;
}

/** A header may stand more than once: a list, or a name with several values. */
type HeaderLine = readonly [name: string, value: string];

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Without control characters other than tab, so that a value cannot start another line.
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** What stands between authority and fragment, as it was written: `URL` would rewrite it. */
const targetOf = /^https?:\/\/[^/?#]*([^#]*)/i;
/** RFC 9112, 3.2: a request line has no spaces, and nothing but ASCII. */
const requestTarget = /^[\x21-\x7e]*$/;
/** Set by the generator itself: a second, different one would make the message ambiguous. */
const framingNames: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'connection']);

const schemes: ReadonlyMap<string, number> = new Map([
  ['http:', 80],
  ['https:', 443],
]);

const requestSchema = z.strictObject({
  url: z.string(),
  method: z.string().regex(token, 'must be a token').default('GET'),
  headers: z
    .union([
      z.record(z.string(), z.union([z.string(), z.array(z.string())])),
      z.array(z.tuple([z.string(), z.string()])),
    ])
    .default({}),
  body: z
    .union([z.string(), z.instanceof(Uint8Array)])
    .nullable()
    .default(null),
  grpc: z.boolean().default(false),
  message: z.json().optional(),
  messages: z.number().int().min(1).max(loadLimits.messagesMax).optional(),
  messageInterval: z.string().default('0s'),
  deadline: z.string().default('0s'),
  weight: z.number().int().min(1).max(1_000_000).default(1),
  idempotencyKey: z.boolean().default(false),
  status: z.string().default('200-399'),
});
const scenarioSchema = z.strictObject({
  requests: z.array(requestSchema).min(1).max(1000),
  proto: z.union([z.string(), z.array(z.string())]).default([]),
  importPaths: z.array(z.string()).default([]),
  reflection: z.boolean().default(false),
});

/** One request as a scenario file writes it. */
export type RequestSpec = z.input<typeof requestSchema>;

/** `object`: what faults are reported against, the file's name. */
export function parseScenario(document: unknown, object: string): Result<Scenario> {
  const parsed = scenarioSchema.safeParse(document);
  if (!parsed.success) {
    return fail(
      parsed.error.issues.map(({ path, message }) => ({
        object,
        field: formatPath(path),
        rule: message,
        value: '',
      })),
    );
  }
  const issues: Issue[] = [];
  const requests = parsed.data.requests.flatMap((spec, index) => {
    const request = parseRequest(spec, (field, rule, value) => {
      issues.push({ object, field: `requests[${index}].${field}`, rule, value });
    });
    return request === null ? [] : [request];
  });
  const { importPaths, reflection } = parsed.data;
  const proto = [parsed.data.proto].flat();
  const at = requests.findIndex(({ json }) => json !== null);
  if (at >= 0 && proto.length > 0 === reflection)
    issues.push({
      object,
      field: `requests[${at}].message`,
      rule: 'must have proto, or reflection',
      value: '',
    });
  return issues.length > 0 ? fail(issues) : ok({ requests, descriptors: { proto, importPaths, reflection } });
}

type Report = (field: string, rule: string, value: string) => void;

function parseRequest(spec: z.output<typeof requestSchema>, report: Report): ScenarioRequest | null {
  const url = URL.canParse(spec.url) ? new URL(spec.url) : null;
  if (url === null || !schemes.has(url.protocol) || url.username !== '') {
    report('url', 'must be an http:// or https:// URL', spec.url);
    return null;
  }
  const expects = parseStatuses(spec.status);
  if (expects === null) {
    report('status', 'must be statuses and ranges, as 200,300-399', spec.status);
    return null;
  }
  const target = targetOf.exec(spec.url)?.[1] ?? '';
  if (!requestTarget.test(target)) {
    report('url', 'must have spaces and what is not ASCII percent-encoded', spec.url);
    return null;
  }
  const headers = parseHeaders(spec.headers, report);
  const hosts = headers.filter(([name]) => name === 'host');
  if (hosts.length > 1) report('headers', 'must have one Host', hosts.map(([, value]) => value).join(', '));
  const call = parseCall(spec, report);
  const body = typeof spec.body === 'string' ? new TextEncoder().encode(spec.body) : spec.body;
  const frame = call === null ? null : frameMessages([body ?? new Uint8Array(0)]);
  return {
    secure: url.protocol === 'https:',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? schemes.get(url.protocol)! : Number(url.port),
    authority: hosts[0]?.[1] ?? url.host,
    path: target.startsWith('/') ? target : `/${target}`,
    method: call === null ? spec.method : 'POST',
    headers: [...headers.filter(([name]) => name !== 'host'), ...(call === null ? [] : callHeaders(call))],
    body: frame === null ? body : frame.body,
    call: call === null || frame === null ? null : { ...call, messageBytes: frame.messageBytes },
    json: spec.message === undefined ? null : { values: [spec.message].flat(), count: spec.messages ?? 0 },
    weight: spec.weight,
    idempotencyKey: spec.idempotencyKey,
    expects,
  };
}

/** null: no call of gRPC. Its messages are still to be framed. */
function parseCall(spec: z.output<typeof requestSchema>, report: Report): LoadCall | null {
  const [deadlineMs, messageIntervalMs] = [parseTime(spec.deadline), parseTime(spec.messageInterval)];
  if (deadlineMs === null) report('deadline', timeRule, spec.deadline);
  if (messageIntervalMs === null) report('messageInterval', timeRule, spec.messageInterval);
  if (spec.message !== undefined && spec.body !== null) report('message', 'must stand without a body', '');
  const isCall = spec.grpc || spec.message !== undefined;
  for (const field of ['messages', 'messageInterval', 'deadline'] as const) {
    const given = field === 'messages' ? spec.messages !== undefined : spec[field] !== '0s';
    if (given && !isCall) report(field, 'must stand with grpc', String(spec[field]));
  }
  if (spec.messages !== undefined && spec.message === undefined)
    report('messages', 'must stand with a message', String(spec.messages));
  if (!isCall) return null;
  return { deadlineMs: deadlineMs ?? 0, messageIntervalMs: messageIntervalMs ?? 0, messageBytes: [] };
}

function callHeaders({ deadlineMs }: LoadCall): readonly HeaderLine[] {
  return [
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...(deadlineMs > 0 ? [['grpc-timeout', formatTimeout(deadlineMs)] as const] : []),
  ];
}

/** At most eight digits and a unit (PROTOCOL-HTTP2.md, "Timeout"). */
function formatTimeout(ms: number): string {
  const us = Math.ceil(ms * 1000);
  if (us < 1e8) return `${us}u`;
  return ms < 1e8 ? `${Math.ceil(ms)}m` : `${Math.ceil(ms / 1000)}S`;
}

const prefixBytes = 5;

/** Each message behind its prefix: not compressed, and its length. */
export function frameMessages(messages: readonly Uint8Array[]): {
  readonly body: Uint8Array;
  readonly messageBytes: readonly number[];
} {
  const messageBytes = messages.map(({ length }) => prefixBytes + length);
  const body = new Uint8Array(messageBytes.reduce((sum, length) => sum + length, 0));
  const view = new DataView(body.buffer);
  let at = 0;
  for (const message of messages) {
    view.setUint32(at + 1, message.length);
    body.set(message, at + prefixBytes);
    at += prefixBytes + message.length;
  }
  return { body, messageBytes };
}

type GivenHeaders = z.output<typeof requestSchema>['headers'];

function listHeaders(given: GivenHeaders): readonly HeaderLine[] {
  if (Array.isArray(given)) return given;
  return Object.entries(given).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((one) => [name, one] as const),
  );
}

function parseHeaders(given: GivenHeaders, report: Report): readonly HeaderLine[] {
  return listHeaders(given).map(([name, text]) => {
    // The codec writes a character a byte: so the bytes of the text's UTF-8 are what is sent.
    const value = Buffer.from(text).toString('latin1');
    if (!token.test(name)) report('headers', 'must have tokens as names', name);
    else if (framingNames.has(name.toLowerCase()))
      report('headers', 'must leave framing to the generator', name);
    else if (!fieldValue.test(value))
      report(`headers.${name}`, 'must be one line without control characters', text);
    return [name.toLowerCase(), value] as const;
  });
}

/** `200,300-399` as a predicate; null when it is not of that form. */
export function parseStatuses(text: string): ((status: number) => boolean) | null {
  const expected = new Set<number>();
  for (const part of text.split(',')) {
    const range = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(part.trim());
    if (range === null) return null;
    const [from, to] = [Number(range[1]), Number(range[2] ?? range[1])];
    if (to < from) return null;
    for (let status = from; status <= to; status++) expected.add(status);
  }
  return (status) => expected.has(status);
}

function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}
