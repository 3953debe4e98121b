// Commands that read the two connections of a request: their addresses and what TLS established on them.

import { createHash } from 'node:crypto';
import { fail, formatIp, ok, parseIp } from '../../base/index.ts';
import type { Address, PeerCertificate, SecureFacts } from '../../net/index.ts';
import { toBytes } from './bytes.ts';
import { type CommandSpec, type CommandTable, count, plain, textOperator, unknown } from './operator.ts';
import { type ConnectionFacts, type FormatSource, type HelloFingerprints, hostOf } from './source.ts';
import { compileTimeFormat } from './time-format.ts';

type Side = 'downstream' | 'upstream';
type SanKind = PeerCertificate['sans'][number]['kind'];

const chain = 'of a peer’s chain the certificate itself is kept';
const engine = 'the TLS engine does not tell';
const endpointId = 'addresses have no endpoint ids';

export const connectionCommands: CommandTable = {
  CONNECTION_ID: count(({ downstream }) => downstream?.id ?? 0),
  UPSTREAM_CONNECTION_ID: count(({ upstream }) => upstream?.id ?? 0),
  REQUESTED_SERVER_NAME: plain((source) => source.serverName),
  ...addresses('DOWNSTREAM_REMOTE', clientOf),
  ...addresses('DOWNSTREAM_DIRECT_REMOTE', ({ downstream }) => downstream?.direct ?? null),
  ...addresses('DOWNSTREAM_LOCAL', ({ downstream }) => downstream?.local ?? null),
  ...addresses('DOWNSTREAM_DIRECT_LOCAL', ({ downstream }) => downstream?.local ?? null),
  ...addresses('UPSTREAM_LOCAL', ({ upstream }) => upstream?.local ?? null),
  ...addresses('UPSTREAM_REMOTE', ({ upstream }) => upstream?.remote ?? null),
  DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID: unknown(endpointId),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID: unknown(endpointId),
  UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID: unknown(endpointId),
  UPSTREAM_HOST: plain(({ upstreamHosts }) => upstreamHosts.at(-1) ?? ''),
  UPSTREAM_HOST_NAME: plain(({ upstreamNames }) => upstreamNames.at(-1) ?? ''),
  UPSTREAM_HOST_NAME_WITHOUT_PORT: plain(({ upstreamNames }) => withoutPort(upstreamNames.at(-1) ?? '')),
  UPSTREAM_HOSTS_ATTEMPTED: plain(({ upstreamHosts }) => upstreamHosts.join(',')),
  UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT: plain(({ upstreamHosts }) =>
    upstreamHosts.map(withoutPort).join(','),
  ),
  UPSTREAM_HOST_NAMES_ATTEMPTED: plain(({ upstreamNames }) => upstreamNames.join(',')),
  UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT: plain(({ upstreamNames }) =>
    upstreamNames.map(withoutPort).join(','),
  ),
  UPSTREAM_CONNECTION_IDS_ATTEMPTED: unknown('of several attempts the last one’s connection is known'),
  UPSTREAM_CLUSTER: plain((source) => source.upstreamCluster),
  UPSTREAM_CLUSTER_RAW: plain((source) => source.upstreamClusterRaw),
  UPSTREAM_PROTOCOL: plain((source) => source.upstreamProtocol),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: count((source) => source.attempts),
  UPSTREAM_TRANSPORT_FAILURE_REASON: plain((source) => source.upstreamFailure.replaceAll(' ', '_')),
  UPSTREAM_SERVER_NAME: plain(({ upstream }) => upstream?.secure?.serverName ?? ''),
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: unknown('a handshake that failed has no line; the counters tell'),
  DOWNSTREAM_CX_RTT: unknown('the kernel’s round-trip time is not asked for'),
  DOWNSTREAM_HANDSHAKE_DURATION: unknown('it is not measured for each connection'),
  ROUNDTRIP_DURATION: unknown('acknowledgements are not seen'),
  DOWNSTREAM_DETECTED_CLOSE_TYPE: unknown('the flags tell'),
  UPSTREAM_DETECTED_CLOSE_TYPE: unknown('the flags tell'),
  DOWNSTREAM_LOCAL_CLOSE_REASON: unknown('the flags tell'),
  UPSTREAM_LOCAL_CLOSE_REASON: unknown('the flags tell'),
  TLS_JA3_FINGERPRINT: plain(({ downstream }) => hashJa3(downstream?.fingerprints?.ja3 ?? null)),
  TLS_JA4_FINGERPRINT: plain(({ downstream }) => hashJa4(downstream?.fingerprints?.ja4 ?? null)),
  ...wireBytes('DOWNSTREAM'),
  ...wireBytes('UPSTREAM'),
  ...tls('DOWNSTREAM', 'downstream'),
  ...tls('UPSTREAM', 'upstream'),
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1: unknown(chain),
  DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256: unknown(chain),
  DOWNSTREAM_PEER_CHAIN_SERIALS: unknown(chain),
  DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256: unknown(chain),
  DOWNSTREAM_PEER_ISSUER_SERIAL: unknown(chain),
};

/** Where forwarding fields name the client, that has no port. */
function clientOf({ clientHost, downstream }: FormatSource): Address | null {
  if (clientHost !== '') return { kind: 'ip', host: clientHost, port: 0 };
  return downstream?.remote ?? null;
}

function addresses(name: string, read: (source: FormatSource) => Address | null): CommandTable {
  const written = (write: (address: Address) => string) =>
    plain((source) => {
      const address = read(source);
      return address === null ? '' : write(address);
    });
  return {
    [`${name}_ADDRESS`]: written(withPort),
    [`${name}_ADDRESS_WITHOUT_PORT`]: masked(read),
    [`${name}_PORT`]: count((source) => {
      const address = read(source);
      return address?.kind === 'ip' ? address.port : null;
    }),
  };
}

/** With a length of a prefix the network of that length, `10.1.0.0/16`; one that is too long is the address's own. */
function masked(read: (source: FormatSource) => Address | null): CommandSpec {
  return {
    argument: 'optional',
    length: false,
    compile(argument) {
      if (argument !== '' && !/^\d{1,3}$/.test(argument)) return fail('takes the length of a prefix');
      return ok(
        textOperator((source) => {
          const address = read(source);
          if (address === null) return null;
          const host = hostOrPath(address);
          return argument === '' ? host : networkOf(host, Number(argument));
        }),
      );
    },
  };
}

function networkOf(host: string, length: number): string {
  const bytes = parseIp(host);
  if (bytes === null) return host;
  const bits = Math.min(length, bytes.length * 8);
  const kept = bytes.map((byte, at) => byte & (0xff << Math.max(0, 8 - Math.max(0, bits - at * 8))));
  return `${formatIp(kept)}/${bits}`;
}

function withPort(address: Address): string {
  if (address.kind === 'unix') return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function hostOrPath(address: Address): string {
  return address.kind === 'unix' ? address.path : hostOf(address);
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

function wireBytes(side: string): CommandTable {
  const names = ['WIRE_BYTES', 'HEADER_BYTES', 'DECOMPRESSED_HEADER_BYTES'];
  const ways = ['SENT', 'RECEIVED'];
  const spec = unknown('bytes are counted without framing: BYTES_SENT, BYTES_RECEIVED');
  return Object.fromEntries(names.flatMap((name) => ways.map((way) => [`${side}_${name}_${way}`, spec])));
}

/**
 * Envoy has the same for both sides, but some of the downstream ones upstream. What has no use there is simply there
 * too.
 */
function tls(name: string, side: Side): CommandTable {
  const facts = (read: (secure: SecureFacts) => string) =>
    plain((source) => {
      const secure = secureOf(source[side]);
      return secure === null ? '' : read(secure);
    });
  const sans = (kind: SanKind) => ({
    peer: facts(({ peer }) => namesOf(peer, kind)),
    local: facts(({ local }) => namesOf(local, kind)),
  });
  const [uri, dns, ip, email] = [sans('uri'), sans('dns'), sans('ip'), sans('email')];
  const other = unknown('SANs of that kind are not read');
  return {
    [`${name}_PEER_URI_SAN`]: uri.peer,
    [`${name}_PEER_DNS_SAN`]: dns.peer,
    [`${name}_PEER_IP_SAN`]: ip.peer,
    [`${name}_PEER_EMAIL_SAN`]: email.peer,
    [`${name}_PEER_OTHERNAME_SAN`]: other,
    [`${name}_LOCAL_URI_SAN`]: uri.local,
    [`${name}_LOCAL_DNS_SAN`]: dns.local,
    [`${name}_LOCAL_IP_SAN`]: ip.local,
    [`${name}_LOCAL_EMAIL_SAN`]: email.local,
    [`${name}_LOCAL_OTHERNAME_SAN`]: other,
    [`${name}_LOCAL_SUBJECT`]: facts(({ local }) => toBytes(local?.subject ?? '')),
    [`${name}_PEER_SUBJECT`]: facts(({ peer }) => toBytes(peer?.subject ?? '')),
    [`${name}_PEER_ISSUER`]: facts(({ peer }) => toBytes(peer?.issuer ?? '')),
    [`${name}_PEER_SERIAL`]: facts(({ peer }) => peer?.serialNumber.toLowerCase() ?? ''),
    [`${name}_PEER_FINGERPRINT_256`]: facts(({ peer }) => peer?.sha256 ?? ''),
    [`${name}_PEER_FINGERPRINT_1`]: facts(({ peer }) => (peer === null ? '' : sha1Of(peer))),
    [`${name}_PEER_CERT`]: facts(({ peer }) => (peer === null ? '' : escapePem(peer.pem))),
    [`${name}_PEER_CERT_V_START`]: validity(side, ({ notBeforeMs }) => notBeforeMs),
    [`${name}_PEER_CERT_V_END`]: validity(side, ({ notAfterMs }) => notAfterMs),
    [`${name}_TLS_VERSION`]: facts(({ version }) => version),
    [`${name}_TLS_CIPHER`]: facts(({ cipher }) => cipher),
    [`${name}_TLS_SESSION_ID`]: unknown(engine),
    [`${name}_TLS_GROUP`]: unknown(engine),
  };
}

function secureOf(connection: ConnectionFacts | null): SecureFacts | null {
  return connection === null ? null : connection.secure;
}

function namesOf(certificate: PeerCertificate | null, kind: SanKind): string {
  if (certificate === null) return '';
  const named = certificate.sans.filter((san) => san.kind === kind);
  return toBytes(named.map(({ value }) => value).join(','));
}

function sha1Of({ pem }: PeerCertificate): string {
  const base64 = pem.replace(/-----[A-Z ]+-----|\s/g, '');
  return createHash('sha1').update(Buffer.from(base64, 'base64')).digest('hex');
}

function escapePem(pem: string): string {
  return pem.replace(
    /[\n +/=]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function validity(side: Side, read: (certificate: PeerCertificate) => number): CommandSpec {
  return {
    argument: 'optional',
    length: false,
    compile(argument) {
      const format = compileTimeFormat(argument, false);
      if (!format.ok) return format;
      return ok(
        textOperator((source) => {
          const peer = secureOf(source[side])?.peer ?? null;
          return peer === null ? null : format.value.format(read(peer));
        }),
      );
    },
  };
}

function hashJa3(text: HelloFingerprints['ja3']): string {
  return text === null ? '' : createHash('md5').update(text).digest('hex');
}

function hashJa4(texts: HelloFingerprints['ja4']): string {
  return texts === null ? '' : [texts.head, shorten(texts.suites), shorten(texts.extensions)].join('_');
}

function shorten(text: string): string {
  return text === '' ? '0'.repeat(12) : createHash('sha256').update(text).digest('hex').slice(0, 12);
}
