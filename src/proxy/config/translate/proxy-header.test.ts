import { expect, test } from 'bun:test';
import { parseBootstrap } from '../bootstrap.ts';

test('a header around nothing is refused', () => {
  const name = 'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport';
  const transport_socket = { name: 'p', typed_config: { '@type': `type.googleapis.com/${name}` } };
  const text = JSON.stringify({ static_resources: { clusters: [{ name: 'a', transport_socket }] } });
  const parsed = parseBootstrap(text, { fileName: 'f', version: '0' });
  expect(parsed.ok ? [] : parsed.error.map(({ field, rule }) => `${field}: ${rule}`)).toEqual([
    'static_resources.clusters[0].transport_socket.typed_config.transport_socket: must be set: RawBuffer or UpstreamTlsContext',
  ]);
});
