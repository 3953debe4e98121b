// Logs of connections beside Envoy's: tunnels, what a listener says of every connection, and what is proven of a client
// over TLS. Times, ids and ports differ.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { createAuthority } from '../testing/certificates.ts';
import { socketAddress } from '../testing/envoy.ts';
import { describeWith } from '../testing/programs.ts';
import { EnvoyPair, type Json, managerFilter, type Places, staticCluster } from './testing/envoy-pair.ts';

setDefaultTimeout(60_000);

const authority = createAuthority();
const server = authority.issue({ commonName: 'edge', dns: ['edge.test'], uri: ['spiffe://test/edge'] });
const client = authority.issue({
  commonName: 'client',
  dns: ['client.test', 'other.test'],
  uri: ['spiffe://test/client'],
  email: ['who@test'],
});

const tunnelled = `
BYTES_RECEIVED BYTES_SENT PROTOCOL RESPONSE_CODE RESPONSE_FLAGS UPSTREAM_HOST UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW
UPSTREAM_REMOTE_ADDRESS UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_REQUEST_ATTEMPT_COUNT REQ(:method) PATH
DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT ACCESS_LOG_TYPE LISTENER_NAME
FILTER_CHAIN_NAME REQUESTED_SERVER_NAME METADATA(LISTENER:my:text) ROUTE_NAME
`
  .trim()
  .split(/\s+/);

const ofConnections = `
BYTES_RECEIVED BYTES_SENT PROTOCOL RESPONSE_CODE RESPONSE_FLAGS REQ(:method) DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT ACCESS_LOG_TYPE REQUESTED_SERVER_NAME DOWNSTREAM_TLS_VERSION
`
  .trim()
  .split(/\s+/);

/** Envoy has connected to the endpoint by the time that it refuses, and counted the bytes by which it knows of it. */
const judged = `
CONNECTION_TERMINATION_DETAILS RESPONSE_FLAGS RESPONSE_CODE PROTOCOL ACCESS_LOG_TYPE LISTENER_NAME FILTER_CHAIN_NAME
DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DYNAMIC_METADATA(envoy.filters.network.rbac:shadow_engine_result)
DYNAMIC_METADATA(envoy.filters.network.rbac:shadow_effective_policy_id)
`
  .trim()
  .split(/\s+/);

const proven = `
DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_SUBJECT
DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_FINGERPRINT_1
DOWNSTREAM_PEER_CERT DOWNSTREAM_PEER_CERT_V_START DOWNSTREAM_PEER_CERT_V_END DOWNSTREAM_PEER_CERT_V_START(%Y/%j)
DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_IP_SAN
DOWNSTREAM_TLS_VERSION DOWNSTREAM_TLS_CIPHER REQUESTED_SERVER_NAME REQ(:scheme)
`
  .trim()
  .split(/\s+/);

const network = 'type.googleapis.com/envoy.extensions.filters.network';

const log = ({ folder }: Places, name: string, commands: readonly string[]): Json => ({
  name,
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
    path: join(folder, name),
    log_format: {
      json_format: Object.fromEntries(commands.map((command) => [command, `%${command}%`])),
    },
  },
});

const inspector = {
  name: 'inspector',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
  },
};

const secured = {
  name: 'tls',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    require_client_certificate: true,
    common_tls_context: {
      tls_certificates: [
        {
          certificate_chain: { inline_string: server.chainPem },
          private_key: { inline_string: server.keyPem },
        },
      ],
      validation_context: { trusted_ca: { inline_string: authority.pem } },
    },
  },
};

describeWith(['envoy'], 'logs of connections beside Envoy', () => {
  const both = new EnvoyPair(5);

  const bootstrap = (places: Places, origin: number): Json => {
    const manager = managerFilter({
      access_log: [log(places, 'proven', proven)],
      route_config: {
        name: 'r',
        virtual_hosts: [
          { name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'origin' } }] },
        ],
      },
    });
    const tunnel = {
      name: 'tcp',
      typed_config: {
        '@type': `${network}.tcp_proxy.v3.TcpProxy`,
        stat_prefix: 'tcp',
        cluster: 'origin',
        access_log: [log(places, 'tunnel', tunnelled)],
      },
    };
    const rbac = (rules: Json) => ({
      name: 'rbac',
      typed_config: { '@type': `${network}.rbac.v3.RBAC`, stat_prefix: 'net.', ...rules },
    });
    const from = (address_prefix: string, prefix_len: number) => ({
      policies: {
        'a b': {
          permissions: [{ any: true }],
          principals: [{ direct_remote_ip: { address_prefix, prefix_len } }],
        },
      },
    });
    const [near, far] = [from('127.0.0.0', 8), from('10.0.0.0', 8)];
    const judgedTunnel = (name: string) => ({
      ...tunnel,
      typed_config: { ...tunnel.typed_config, access_log: [log(places, name, judged)] },
    });
    const listener = (index: number, name: string, filter: Json, more: Json = {}) => ({
      name,
      address: socketAddress(places.ports[index]!),
      metadata: { filter_metadata: { my: { text: name } } },
      listener_filters: [inspector],
      access_log: [log(places, `${name}-connections`, ofConnections)],
      filter_chains: [{ name: 'chain', filters: [filter], ...more }],
    });
    return {
      static_resources: {
        listeners: [
          listener(0, 'tcp', tunnel),
          listener(1, 'tls', manager, { transport_socket: secured }),
          listener(2, 'unmatched', tunnel, {
            filter_chain_match: { source_prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
          }),
          listener(3, 'refused', tunnel, {
            filters: [
              rbac({ rules: { action: 'DENY', ...near }, shadow_rules: near }),
              judgedTunnel('refused'),
            ],
          }),
          listener(4, 'audited', tunnel, {
            filters: [rbac({ shadow_rules: far }), judgedTunnel('audited')],
          }),
        ],
        clusters: [staticCluster('origin', origin)],
      },
    };
  };

  beforeAll(async () => {
    const origin = both.origin();
    await both.start((places) => bootstrap(places, origin.port));
    for (const places of [both.own, both.theirs]) {
      await both.exchange(places, 'GET / HTTP/1.1\r\nhost: h\r\n\r\n');
      for (const refused of [2, 3])
        await both.exchange(places, 'GET / HTTP/1.1\r\nhost: h\r\n\r\n', refused).catch(() => {});
      await both.exchange(places, 'GET / HTTP/1.1\r\nhost: h\r\n\r\n', 4);
      const answer = await fetch(`https://127.0.0.1:${places.ports[1]}/`, {
        keepalive: false,
        headers: { connection: 'close' },
        tls: {
          cert: client.chainPem,
          key: client.keyPem,
          ca: authority.pem,
          serverName: 'edge.test',
          checkServerIdentity: () => undefined,
        },
      });
      await answer.text();
    }
  });

  afterAll(() => both.stop());

  const names = [
    ...['tunnel', 'tcp-connections', 'unmatched-connections', 'proven', 'tls-connections'],
    ...['refused', 'audited', 'refused-connections'],
  ];
  for (const name of names)
    test(name, async () => {
      const [own, theirs] = await Promise.all(
        [both.own, both.theirs].map(async (places) => JSON.parse((await both.lines(places, name, 1))[0]!)),
      );
      // Bytes of HTTP are counted for each request.
      if (name === 'tls-connections') Object.assign(theirs, { BYTES_RECEIVED: null, BYTES_SENT: null });
      // Read by Envoy before it judges.
      if (name === 'refused-connections') Object.assign(theirs, { BYTES_RECEIVED: 0 });
      expect(own).toEqual(theirs);
    });
});
