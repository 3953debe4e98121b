// What a check asks over HTTP, and what the answer means: by its status (and body), or by gRPC's health protocol
// (grpc.health.v1.Health/Check, github.com/grpc/grpc/blob/master/doc/health-checking.md).

import { type CheckResult, compileValues, holdsBlocks } from '../../policy/index.ts';
import { createRequestHead, type RequestHead, type ResponseHead } from '../../wire/index.ts';
import type { GrpcProbeConfig, HttpProbeConfig, StatusRange } from '../config/health-types.ts';
import type { ProbeOwner } from './health-probe.ts';
import type { Question } from './http-probe.ts';

type Field = readonly [name: string, value: string];

/** Envoy's own: what is not to be logged or counted as traffic is told by it. */
const userAgent = 'Envoy/HC';

export function askHttp(config: HttpProbeConfig): Question {
  const { serviceName } = config;
  const named = serviceName === null ? null : compileValues([serviceName])[0]!;
  return {
    http2: config.http2,
    body: new Uint8Array(0),
    bodyBytesMax: config.receive.length === 0 ? 0 : config.bodyBytesMax,
    createHead: (owner) =>
      createHead(config.method, config.path, config.host, [], config.fields, config.removed, owner),
    judge(head, body) {
      if (!isIn(head.status, config.expected)) return judgeUnexpected(head, config.retriable);
      if (named !== null && !named.matches(head.getName('x-envoy-upstream-healthchecked-cluster') ?? ''))
        return 'failed';
      if (!holdsBlocks(body, config.receive)) return 'failed';
      return head.findName('x-envoy-degraded') >= 0 ? 'degraded' : 'passed';
    },
  };
}

function judgeUnexpected(head: ResponseHead, retriable: readonly StatusRange[]): CheckResult {
  if (head.findName('x-envoy-immediate-health-check-fail') >= 0) return 'refused';
  return isIn(head.status, retriable) ? 'retriable' : 'failed';
}

export function askGrpc(config: GrpcProbeConfig): Question {
  const asked: readonly Field[] = [
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ];
  return {
    http2: true,
    body: encodeRequest(config.service),
    bodyBytesMax: answerBytesMax,
    createHead: (owner) => createHead('POST', grpcPath, config.host, asked, config.fields, [], owner),
    judge(head, body, trailers) {
      const status = (trailers ?? head).getName('grpc-status') ?? head.getName('grpc-status');
      if (head.status !== 200 || status !== '0' || !isServing(body)) return 'failed';
      return head.findName('x-envoy-degraded') >= 0 ? 'degraded' : 'passed';
    },
  };
}

/** Without a length a server may wait for a body of these (RFC 9110 section 8.6). */
const bodyMethods: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

const grpcPath = '/grpc.health.v1.Health/Check';

/** An answer is a frame of two bytes. */
const answerBytesMax = 64;

function createHead(
  method: string,
  path: string,
  host: string,
  asked: readonly Field[],
  fields: HttpProbeConfig['fields'],
  removed: readonly string[],
  { cluster, target }: ProbeOwner,
): RequestHead {
  const authority = target.checkHost || host || cluster;
  const empty = bodyMethods.has(method) && path !== grpcPath;
  const own: Field[] = [
    ['user-agent', userAgent],
    ...(empty ? [['content-length', '0'] as const] : []),
    ...asked,
  ];
  const kept = own.filter(([name]) => !removed.includes(name));
  return createRequestHead(method, authority, path, edit(kept, fields));
}

/** What an edit asks of the fields is asked before the first is made, as Envoy does. */
function edit(fields: readonly Field[], edits: HttpProbeConfig['fields']): readonly Field[] {
  const names = new Set(fields.map(([name]) => name));
  let edited = fields;
  for (const { kind, name, value } of edits) {
    if (kind === 'set' || (kind === 'set-if-present' && names.has(name)))
      edited = [...edited.filter(([other]) => other !== name), [name, value]];
    else if (kind === 'add' || (kind === 'add-if-absent' && !names.has(name)))
      edited = [...edited, [name, value]];
  }
  return edited;
}

function isIn(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(([start, end]) => status >= start && status < end);
}

/** A message with field 1, the service's name, behind gRPC's prefix of five bytes. */
function encodeRequest(service: string): Uint8Array {
  const name = new TextEncoder().encode(service);
  const message = name.length === 0 ? [] : [0x0a, ...encodeVarint(name.length), ...name];
  const { length } = message;
  return Uint8Array.from([
    0,
    length >>> 24,
    (length >>> 16) & 255,
    (length >>> 8) & 255,
    length & 255,
    ...message,
  ]);
}

function encodeVarint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...encodeVarint(value >>> 7)];
}

/** Field 1 of the answer, the status, is 1: SERVING. */
function isServing(frame: string): boolean {
  return frame.length >= 7 && frame.charCodeAt(0) === 0 && frame.slice(5, 7) === '\u0008\u0001';
}
