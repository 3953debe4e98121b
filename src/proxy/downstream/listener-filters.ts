// What is read of a connection before it has a session: pure functions over its first bytes, each asked again with more
// of them until it knows. They add to the connection's facts and say how many bytes were theirs alone.

import type { Address } from '../../net/index.ts';
import type { MetadataMap } from '../../observe/index.ts';
import type { Tlv } from '../../wire/proxy-protocol/index.ts';
import { parseProxyHeader } from '../../wire/proxy-protocol/index.ts';
import { describeJa3, describeJa4, parseClientHello } from '../../wire/tls-sniff/index.ts';
import type { PortRule, ProxyRule } from '../config/entry-types.ts';
import type { EntryConfig } from '../config/types.ts';
import type { ConnectionFacts } from './chain-table.ts';

export type FilterResult =
  | { readonly kind: 'more' }
  | { readonly kind: 'done'; readonly consumed: number }
  /** The connection ends: nobody knows where its payload begins. */
  | { readonly kind: 'fault'; readonly message: string };

export type ListenerFilter = (bytes: Uint8Array, facts: ConnectionFacts) => FilterResult;

const more: FilterResult = { kind: 'more' };
const nothing: FilterResult = { kind: 'done', consumed: 0 };

/** In the order in which their bytes stand: a PROXY header before TLS before HTTP. */
export function listenerFilters(entry: EntryConfig): readonly ListenerFilter[] {
  const { skipped } = entry;
  const filters: ListenerFilter[] = [];
  if (entry.proxyProtocol !== 'no')
    filters.push(except(skipped?.proxyProtocol, (bytes, facts) => readProxyHeader(bytes, facts, entry)));
  if (entry.inspectTls)
    filters.push(except(skipped?.inspectTls, (bytes, facts) => inspectTls(bytes, facts, entry.fingerprints)));
  if (entry.inspectHttp) filters.push(except(skipped?.inspectHttp, inspectHttp));
  return filters;
}

/** Asked when its turn comes: a filter before it may have found another destination. */
function except(rule: PortRule | null | undefined, filter: ListenerFilter): ListenerFilter {
  if (rule === null || rule === undefined) return filter;
  return (bytes, facts) => (holdsPort(rule, facts.destination) ? nothing : filter(bytes, facts));
}

/** A unix socket has no port, and is in no range. */
export function holdsPort(rule: PortRule, destination: Address): boolean {
  switch (rule.kind) {
    case 'any':
      return true;
    case 'range':
      return destination.kind === 'ip' && destination.port >= rule.start && destination.port < rule.end;
    case 'not':
      return !holdsPort(rule.rule, destination);
    case 'and':
      return rule.rules.every((inner) => holdsPort(inner, destination));
    case 'or':
      return rule.rules.some((inner) => holdsPort(inner, destination));
  }
}

function readProxyHeader(bytes: Uint8Array, facts: ConnectionFacts, entry: EntryConfig): FilterResult {
  if (bytes.length === 0) return more;
  if (isLeftAlone(bytes[0]!, entry)) return nothing;
  const result = parseProxyHeader(bytes);
  switch (result.kind) {
    case 'more':
      return more;
    case 'fault':
      return { kind: 'fault', message: `PROXY header: ${result.message}` };
    case 'none':
      return entry.proxyProtocol === 'required'
        ? { kind: 'fault', message: 'PROXY header: there is none' }
        : nothing;
    case 'header': {
      const { ends, tlvs, version } = result.header;
      if (!entry.proxyVersions.includes(version))
        return { kind: 'fault', message: `PROXY header: version ${version} is not taken` };
      const { proxyTlvs } = entry;
      facts.tlvs = tlvs.filter(({ type }) => proxyTlvs === 'all' || proxyTlvs.includes(type));
      if (entry.proxyRules.length > 0) facts.metadata = metadataOf(tlvs, entry.proxyRules);
      if (ends !== null) {
        facts.source = ends.source;
        facts.destination = ends.destination;
      }
      return { kind: 'done', consumed: result.consumed };
    }
  }
}

/** As Envoy: where a header may be missing, one of a version that is not taken is not looked for, and is payload. */
function isLeftAlone(first: number, { proxyProtocol, proxyVersions }: EntryConfig): boolean {
  if (proxyProtocol !== 'optional' || proxyVersions.length === 2) return false;
  return !proxyVersions.includes(first === letterP ? 1 : 2) && (first === letterP || first === signatureByte);
}

/** The first bytes of version 2 and of version 1. */
const [signatureByte, letterP] = [0x0d, 0x50];

/** What is no UTF-8 is replaced, as metadata is text. */
function metadataOf(tlvs: readonly Tlv[], rules: readonly ProxyRule[]): MetadataMap {
  const spaces = new Map<string, Record<string, unknown>>();
  for (const { type, value } of tlvs)
    for (const rule of rules) {
      if (rule.type !== type) continue;
      const space = spaces.get(rule.namespace) ?? {};
      space[rule.key] ??= Buffer.from(value).toString('utf8');
      spaces.set(rule.namespace, space);
    }
  return spaces;
}

/** What is no TLS, or breaks its format, is left to the chain: Envoy's inspector does so too. */
function inspectTls(
  bytes: Uint8Array,
  facts: ConnectionFacts,
  wanted: EntryConfig['fingerprints'],
): FilterResult {
  if (bytes.length === 0) return more;
  const result = parseClientHello(bytes);
  if (result.kind === 'more') return more;
  if (result.kind === 'hello') {
    facts.transport = 'tls';
    facts.serverName = result.hello.serverName;
    facts.protocols = result.hello.alpn;
    if (wanted !== null)
      facts.fingerprints = {
        ja3: wanted.ja3 ? describeJa3(result.hello) : null,
        ja4: wanted.ja4 ? describeJa4(result.hello) : null,
      };
  }
  return nothing;
}

const preface = 'PRI * HTTP/2.0\r\n';
const requestLine = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [^ \r\n]+ (HTTP\/1\.[01])\r?\n/;
/** A request line that has not ended by then is none that a matcher needs to know. */
const lineBytesMax = 8 * 1024;

function inspectHttp(bytes: Uint8Array, facts: ConnectionFacts): FilterResult {
  if (facts.transport === 'tls') return nothing;
  if (bytes.length === 0) return more;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, lineBytesMax)).toString(
    'latin1',
  );
  if (text.startsWith(preface)) facts.protocols = ['h2c'];
  else if (preface.startsWith(text)) return more;
  else {
    const version = requestLine.exec(text)?.[1];
    if (version !== undefined) facts.protocols = [version.toLowerCase()];
    else if (!text.includes('\n') && bytes.length < lineBytesMax && isToken(bytes[0] ?? 0)) return more;
  }
  return nothing;
}

/** A method's first byte. */
function isToken(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f;
}
