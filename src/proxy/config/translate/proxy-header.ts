// What PROXY headers say beyond their ends, and which are sent.

import {
  type Faults,
  join,
  type MessageOf,
  type passThroughTlvs,
  rawBuffer,
  type transportSocket,
  unpack,
  upstreamProxyHeader,
} from '../schema/index.ts';
import type { UpstreamTlsConfig } from '../tls-types.ts';
import type { ProxyHeaderConfig } from '../types.ts';
import { translateUpstreamTransport } from './tls.ts';

/** None where nothing is said, as in Envoy. */
export function translateTlvs(
  message: MessageOf<typeof passThroughTlvs> | undefined,
): 'all' | readonly number[] {
  if (message === undefined) return [];
  return message.match_type === 'INCLUDE' ? message.tlv_type : 'all';
}

interface UpstreamTransport {
  readonly tls: UpstreamTlsConfig | null;
  readonly proxyHeader: ProxyHeaderConfig | null;
}

/** Of a cluster: TLS or none, behind a PROXY header or not. */
export function translateClusterTransport(
  socket: MessageOf<typeof transportSocket> | undefined,
  path: string,
  faults: Faults,
): UpstreamTransport {
  const outer = unpack(socket?.typed_config, upstreamProxyHeader);
  if (outer === null) return { tls: translateUpstreamTransport(socket, path, faults), proxyHeader: null };
  const inner = outer.transport_socket;
  const at = join(path, 'typed_config.transport_socket');
  if (inner === undefined) faults.add(at, 'must be set: RawBuffer or UpstreamTlsContext');
  const { config } = outer;
  return {
    tls:
      unpack(inner?.typed_config, rawBuffer) === null ? translateUpstreamTransport(inner, at, faults) : null,
    proxyHeader: {
      version: config?.version === 'V2' ? 2 : 1,
      tlvs: translateTlvs(config?.pass_through_tlvs),
    },
  };
}
