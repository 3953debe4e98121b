// Commands that read the heads: fields, path and query, what gRPC says in them.

import { fail, ok } from '../../base/index.ts';
import type { Head } from '../../wire/index.ts';
import { type CommandSpec, type CommandTable, count, type Operator, textOperator } from './operator.ts';
import type { FormatSource } from './source.ts';

type ReadHead = (source: FormatSource, name: string) => string | null;

export const headCommands: CommandTable = {
  REQ: field(readRequest),
  STREAM_INFO_REQ: field(readRequest),
  RESP: field(({ response, status }, name) => {
    if (name === ':status') return status === 0 ? null : `${status}`;
    return response === null ? null : firstOf(response, name);
  }),
  TRAILER: field(({ trailers }, name) => (trailers === null ? null : firstOf(trailers, name))),
  PATH: {
    argument: 'optional',
    length: true,
    compile(argument, lengthMax) {
      const [query = '', path = 'ORIG_OR_PATH', ...rest] = argument.split(':');
      const read = paths[path];
      if (!['', 'WQ', 'NQ'].includes(query) || read === undefined || rest.length > 0)
        return fail('takes WQ or NQ, then ORIG, PATH or ORIG_OR_PATH');
      const whole = query !== 'NQ';
      return ok(textOperator((source) => cutQuery(read(source), whole), lengthMax));
    },
  },
  QUERY_PARAM: {
    argument: 'required',
    length: true,
    compile: (name, lengthMax) =>
      ok(textOperator((source) => queryParameter(paths['ORIG_OR_PATH']!(source), name), lengthMax)),
  },
  QUERY_PARAMS: {
    argument: 'optional',
    length: true,
    compile(argument, lengthMax) {
      // Unlike PATH's, its ORIG goes on with the path where there is no other.
      const read = paths[argument === 'PATH' ? 'PATH' : 'ORIG_OR_PATH'];
      if (read === undefined || !['', 'ORIG', 'PATH', 'ORIG_OR_PATH'].includes(argument))
        return fail('takes ORIG, PATH or ORIG_OR_PATH');
      return ok(textOperator((source) => queryOf(read(source)), lengthMax));
    },
  },
  REQUEST_HEADERS_BYTES: count((source) => {
    const { request } = source;
    if (request === null) return 0;
    const { method, path, authority } = request;
    const pseudo = method.length + path.length + authority.length + source.scheme.length + pseudoNames;
    return pseudo + sizeOf(request, true);
  }),
  RESPONSE_HEADERS_BYTES: count(({ response }) =>
    response === null ? 0 : ':status200'.length + sizeOf(response, false),
  ),
  RESPONSE_TRAILERS_BYTES: count(({ trailers }) => (trailers === null ? 0 : sizeOf(trailers, false))),
  GRPC_STATUS: {
    argument: 'optional',
    length: false,
    compile(argument) {
      const write = grpcForms[argument || 'CAMEL_STRING'];
      if (write === undefined) return fail('takes CAMEL_STRING, SNAKE_STRING or NUMBER');
      return ok(grpcOperator(write, argument === 'NUMBER'));
    },
  },
  GRPC_STATUS_NUMBER: { argument: 'none', length: false, compile: () => ok(grpcOperator(String, true)) },
};

const pseudoNames = ':method:path:authority:scheme'.length;

/** `NAME?ALTERNATIVE`: the second where the first is missing. */
function field(read: ReadHead): CommandSpec {
  return {
    argument: 'required',
    length: true,
    compile(argument, lengthMax) {
      const [name = '', other, ...rest] = argument.toLowerCase().split('?');
      if (rest.length > 0) return fail('takes a header name and one alternative at most');
      if (name === '') return fail('takes a header name');
      if (other === undefined) return ok(textOperator((source) => read(source, name), lengthMax));
      return ok(textOperator((source) => read(source, name) ?? read(source, other), lengthMax));
    },
  };
}

function readRequest(source: FormatSource, name: string): string | null {
  const { request } = source;
  if (request === null) return null;
  switch (name) {
    case ':method':
      return request.method;
    case ':path':
      return request.path;
    case ':authority':
    case 'host':
      return request.authority === '' ? null : request.authority;
    case ':scheme':
      return source.scheme;
    default:
      return firstOf(request, name);
  }
}

function firstOf(head: Head, name: string): string | null {
  const at = head.findName(name);
  return at < 0 ? null : head.valueAt(at);
}

function sizeOf(head: Head, isRequest: boolean): number {
  let size = 0;
  for (let at = 0; at < head.count; at++) {
    if (head.isRemoved(at)) continue;
    const name = head.nameAt(at);
    if (!isRequest || name !== 'host') size += name.length + head.valueAt(at).length;
  }
  return size;
}

const original = 'x-envoy-original-path';

const paths: Readonly<Record<string, (source: FormatSource) => string | null>> = {
  ORIG: (source) => readRequest(source, original),
  PATH: (source) => readRequest(source, ':path'),
  ORIG_OR_PATH: (source) => readRequest(source, original) ?? readRequest(source, ':path'),
};

function cutQuery(path: string | null, whole: boolean): string | null {
  if (path === null || whole) return path;
  const at = path.indexOf('?');
  return at < 0 ? path : path.slice(0, at);
}

function queryOf(path: string | null): string | null {
  const at = path?.indexOf('?') ?? -1;
  return path === null || at < 0 ? null : path.slice(at + 1);
}

function queryParameter(path: string | null, name: string): string | null {
  const query = queryOf(path);
  if (query === null) return null;
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=');
    const key = at < 0 ? pair : pair.slice(0, at);
    if (key === name) return at < 0 ? '' : pair.slice(at + 1);
  }
  return null;
}

/** google.rpc.Code, in the spelling of gRPC's libraries. */
const grpcNames = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

const grpcForms: Readonly<Record<string, (status: number) => string>> = {
  CAMEL_STRING: (status) => grpcNames[status] ?? `${status}`,
  // absl spells the first of them with two l.
  SNAKE_STRING: (status) => (status === 1 ? 'CANCELLED' : snake(grpcNames[status] ?? `${status}`)),
  NUMBER: String,
};

function snake(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

function grpcOperator(write: (status: number) => string, number: boolean): Operator {
  const text = (source: FormatSource) =>
    source.isGrpc && source.grpcStatus >= 0 ? write(source.grpcStatus) : null;
  return { text, number, json: null };
}
