import { describe, expect, test } from 'bun:test';
import { createBunNetwork, createMemoryStore } from '../../net/index.ts';
import { createAuthority } from '../../testing/certificates.ts';
import { httpListener } from '../testing/tls-proxy.ts';
import { bootstrapOf } from '../testing/whole-proxy.ts';
import { checkTlsMaterial } from './check-material.ts';

const root = createAuthority();
const mine = root.issue({ dns: ['a.example'] });
const other = root.issue({ dns: ['b.example'] });
const files = { '/tls/chain.pem': mine.chainPem, '/tls/key.pem': mine.keyPem, '/tls/ca.pem': root.pem };

const type = (name: string) => `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${name}`;
const secret = (name: string) => ({ name, sds_config: { ads: {}, resource_api_version: 'V3' } });

function socket(name: string, common: object) {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: { '@type': type(name), common_tls_context: common },
  };
}

/** An edge with a certificate of files, a cluster that trusts a file, a control plane that is asked by TLS. */
function edge(server: object, client: object) {
  const address = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } });
  const cluster = (name: string) => ({
    name,
    transport_socket: socket('UpstreamTlsContext', client),
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(1) } }] }],
    },
  });
  return bootstrapOf(
    JSON.stringify({
      node: { id: 'n' },
      dynamic_resources: {
        ads_config: {
          api_type: 'DELTA_GRPC',
          transport_api_version: 'V3',
          grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
        },
      },
      static_resources: {
        listeners: [httpListener('edge', 8443, 'app', socket('DownstreamTlsContext', server))],
        clusters: [cluster('app'), cluster('xds')],
      },
    }),
  );
}

const certificate = (chain: string, key: string) => ({
  tls_certificates: [{ certificate_chain: { filename: chain }, private_key: { filename: key } }],
});
const trust = (filename: string) => ({ validation_context: { trusted_ca: { filename } } });
const good = certificate('/tls/chain.pem', '/tls/key.pem');

describe('TLS material of a bootstrap', () => {
  const check = async (server: object, client: object, more: Record<string, string> = {}) => {
    const store = createMemoryStore({ ...files, ...more });
    const world = { network: createBunNetwork(), store, fileName: 'b.yaml' };
    return (await checkTlsMaterial(edge(server, client), world)).map(({ rule }) => rule);
  };

  test.each<[what: string, server: object, client: object, faults: string[]]>([
    ['all there', good, trust('/tls/ca.pem'), []],
    [
      'no key',
      certificate('/tls/chain.pem', '/tls/none.pem'),
      trust('/tls/ca.pem'),
      ['listener edge can speak no TLS: file /tls/none.pem does not exist'],
    ],
    [
      "another's key",
      certificate('/tls/chain.pem', '/tls/other.pem'),
      trust('/tls/ca.pem'),
      ['listener edge can speak no TLS: the private key does not belong to the certificate'],
    ],
    [
      'no authority, for a cluster and the control plane',
      good,
      trust('/else/ca.pem'),
      [
        'cluster app can speak no TLS: file /else/ca.pem does not exist',
        'cluster xds can speak no TLS: file /else/ca.pem does not exist',
      ],
    ],
    [
      'a secret that is still to come',
      { tls_certificate_sds_secret_configs: [secret('s')] },
      trust('/tls/ca.pem'),
      [],
    ],
  ])('%s', async (_, server, client, faults) => {
    expect(await check(server, client, { '/tls/other.pem': other.keyPem })).toEqual(faults);
  });
});
