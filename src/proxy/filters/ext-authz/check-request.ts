// envoy.service.auth.v3.CheckRequest, as Envoy fills it (attribute_context.proto): who calls whom, the request's head
// and perhaps its body, and what the configuration says to the service.

import type { Address } from '../../../net/index.ts';
import { encodeStruct, WireWriter } from '../../../xds/index.ts';
import type { GrpcAuthzConfig } from '../../config/filter-types.ts';
import { protocolOf, type RequestState } from '../../exchange/index.ts';
import { matchesAny, type ShownFields } from './patterns.ts';
import type { Question } from './verdict.ts';

export function encodeCheckRequest(
  question: Question,
  config: GrpcAuthzConfig,
  shown: ShownFields,
): Uint8Array {
  const { request } = question;
  const { local, remote, secure } = request.owner;
  const attributes = new WireWriter(1024);
  const service = request.head.getName('x-envoy-downstream-service-cluster') ?? '';
  attributes.bytes(1, encodePeer(remote, service, request, 'peer', config.peerCertificate));
  attributes.bytes(2, encodePeer(local, '', request, 'local', false));
  attributes.bytes(4, encodeRequest(question, config, shown));
  for (const [key, value] of Object.entries(question.extensions)) {
    const entry = new WireWriter(64);
    entry.string(1, key);
    entry.string(2, value);
    attributes.bytes(10, entry.finish());
  }
  attributes.bytes(
    11,
    encodeMetadata(config.metadataNamespaces, (name) => request.metadata?.get(name)),
  );
  if (config.tlsSession && secure !== null) {
    const session = new WireWriter(64);
    session.string(1, secure.serverName ?? '');
    attributes.bytes(12, session.finish());
  }
  const ofRoute = request.route?.metadata;
  attributes.bytes(
    13,
    encodeMetadata(config.routeNamespaces, (name) => ofRoute?.get(name)),
  );
  const whole = new WireWriter(1024);
  whole.bytes(1, attributes.finish());
  return whole.finish();
}

/** AttributeContext.Peer: 1 address, 2 service, 4 principal, 5 certificate. */
function encodePeer(
  address: Address,
  service: string,
  { owner: { secure } }: RequestState,
  side: 'peer' | 'local',
  certificate: boolean,
): Uint8Array {
  const peer = new WireWriter();
  peer.bytes(1, encodeAddress(address));
  peer.string(2, service);
  const shown = secure === null ? null : secure[side];
  if (shown !== null) {
    const { sans } = shown;
    const named = sans.find(({ kind }) => kind === 'uri') ?? sans.find(({ kind }) => kind === 'dns');
    peer.string(4, named?.value ?? shown.subject);
    if (certificate) peer.string(5, encodePem(shown.pem));
  }
  return peer.finish();
}

/** As a URL would carry it; Envoy's own choice of letters. */
function encodePem(pem: string): string {
  return pem.replace(
    /[\n +/=]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/** core.v3.Address: 1 SocketAddress (2 address, 3 port_value), 2 Pipe (1 path). */
function encodeAddress(address: Address): Uint8Array {
  const inner = new WireWriter(64);
  if (address.kind === 'ip') {
    inner.string(2, address.host);
    inner.uint(3, address.port);
  } else inner.string(1, address.path);
  const outer = new WireWriter(64);
  outer.bytes(address.kind === 'ip' ? 1 : 2, inner.finish());
  return outer.finish();
}

/** AttributeContext.Request: 1 time, 2 http. */
function encodeRequest(question: Question, config: GrpcAuthzConfig, shown: ShownFields): Uint8Array {
  const { clock } = question.request.context;
  const wallMs = clock.wall() - (clock.now() - question.request.startedMs);
  const time = new WireWriter(32);
  time.uint(1, Math.floor(wallMs / 1000));
  time.uint(2, Math.floor((wallMs % 1000) * 1e6));
  const request = new WireWriter(1024);
  request.bytes(1, time.finish());
  request.bytes(2, encodeHttp(question, config, shown));
  return request.finish();
}

/** AttributeContext.HttpRequest. */
function encodeHttp(question: Question, config: GrpcAuthzConfig, shown: ShownFields): Uint8Array {
  const { body, request, wholeBody } = question;
  const { head, owner } = request;
  const scheme = head.scheme !== '' ? head.scheme : owner.secure === null ? 'http' : 'https';
  const http = new WireWriter(1024);
  http.string(1, request.requestId);
  http.string(2, head.method);
  const put = config.rawHeaders ? null : createFieldMap(http);
  const raw = config.rawHeaders ? new WireWriter(1024) : null;
  const line = (name: string, value: string) => {
    if (put !== null) put(name, utf8(value));
    else if (raw !== null) raw.bytes(1, encodeRawField(name, value));
  };
  const pseudo = [
    [':authority', head.authority],
    [':path', head.path],
    [':method', head.method],
    [':scheme', scheme],
  ] as const;
  for (const [name, value] of pseudo) if (value !== '' && isShown(shown, name)) line(name, value);
  eachField(request, raw !== null, (name, value) => {
    if (name !== partialName && isShown(shown, name)) line(name, value);
  });
  if (body !== null) line(partialName, wholeBody ? 'false' : 'true');
  http.string(4, head.path);
  http.string(5, head.authority);
  http.string(6, scheme);
  http.uint(9, request.bytesReceived);
  http.string(10, protocolOf(head.version));
  if (body !== null && config.rawBody) http.bytes(12, body);
  else if (body !== null) http.string(11, utf8Bytes(body));
  if (raw !== null) http.bytes(13, raw.finish());
  return http.finish();
}

/** Of the connection that it came over, not of the request. */
const ofTheHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

const partialName = 'x-envoy-auth-partial-body';

/** `lines`: each by itself, as it was sent; else those of one name together. Host stands as `:authority`. */
function eachField(
  { head }: RequestState,
  lines: boolean,
  visit: (name: string, value: string) => void,
): void {
  const seen = new Set<string>();
  for (let index = 0; index < head.count; index++) {
    if (head.isRemoved(index)) continue;
    const name = head.nameAt(index);
    if (name === 'host' || seen.has(name) || ofTheHop.has(name)) continue;
    if (lines) visit(name, head.valueAt(index));
    else {
      seen.add(name);
      visit(name, valuesOf(head, name).join(','));
    }
  }
}

function valuesOf(head: RequestState['head'], name: string): readonly string[] {
  const values: string[] = [];
  for (let index = 0; index < head.count; index++)
    if (!head.isRemoved(index) && head.nameAt(index) === name) values.push(head.valueAt(index));
  return values;
}

function isShown({ allowed, disallowed }: ShownFields, name: string): boolean {
  return !matchesAny(disallowed, name) && (allowed === null || matchesAny(allowed, name));
}

/** Field 3, a map of strings. */
function createFieldMap(http: WireWriter): (name: string, value: string) => void {
  return (name, value) => {
    const entry = new WireWriter(128);
    entry.string(1, name);
    entry.string(2, value);
    http.bytes(3, entry.finish());
  };
}

/** HeaderValue: 1 key, 3 raw_value. */
function encodeRawField(name: string, value: string): Uint8Array {
  const field = new WireWriter(128);
  field.string(1, name);
  field.bytes(3, Buffer.from(value, 'latin1'));
  return field.finish();
}

/** core.v3.Metadata: 1 filter_metadata, by namespace. */
function encodeMetadata(
  namespaces: readonly string[],
  find: (name: string) => Readonly<Record<string, unknown>> | undefined,
): Uint8Array {
  const metadata = new WireWriter(64);
  for (const name of namespaces) {
    const found = find(name);
    if (found === undefined) continue;
    const entry = new WireWriter();
    entry.string(1, name);
    entry.bytes(2, encodeStruct(found));
    metadata.bytes(1, entry.finish());
  }
  return metadata.finish();
}

/** Field values are bytes; what is not UTF-8 of them is replaced by `!`, as Envoy does it. */
function utf8(value: string): string {
  return /^[\0-\x7f]*$/.test(value) ? value : utf8Bytes(Buffer.from(value, 'latin1'));
}

function utf8Bytes(bytes: Uint8Array): string {
  return decoder.decode(bytes).replaceAll('\ufffd', '!');
}

const decoder = new TextDecoder();
