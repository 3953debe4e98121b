// A proxy over real sockets from an Envoy bootstrap, and bootstraps that speak TLS: for tests against other programs.

import {
  createBunNetwork,
  createFileStore,
  createSystemClock,
  createSystemRandom,
  createSystemResolver,
} from '../../net/index.ts';
import type { LeveledLog } from '../../observe/index.ts';
import { createJsonLog } from '../../observe/index.ts';
import type { TestCertificate } from '../../testing/certificates.ts';
import { freePort } from '../../testing/programs.ts';
import { createProxy, type Proxy as RunningProxy } from '../proxy.ts';
import { bootstrapOf } from './whole-proxy.ts';

export interface TlsProxy {
  readonly proxy: RunningProxy;
  readonly lines: string[];
  readonly adminPort: number;
  portOf(listener: string): number;
  /** /stats/prometheus. */
  scrape(): Promise<string>;
}

export function startTlsProxy(bootstrap: object): TlsProxy {
  const lines: string[] = [];
  const log: LeveledLog = createJsonLog('debug', { write: (line) => lines.push(line) }, () => Date.now());
  const adminPort = freePort();
  const proxy = createProxy({
    clock: createSystemClock(),
    random: createSystemRandom(),
    network: createBunNetwork(),
    resolver: createSystemResolver(),
    store: createFileStore(),
    log,
    bootstrap: bootstrapOf(JSON.stringify(bootstrap)),
    version: '1.2.3',
    createAdsTransport: () => {
      throw new Error('no ADS here');
    },
    stateDir: null,
    admin: { kind: 'ip', host: '127.0.0.1', port: adminPort },
    readiness: null,
    drainTimeoutMs: 100,
    process: null,
    onQuit: () => {},
  });
  proxy.start();
  return {
    proxy,
    lines,
    adminPort,
    scrape: async () => (await fetch(`http://127.0.0.1:${adminPort}/stats/prometheus`)).text(),
    portOf(name) {
      const address = proxy.view.listeners.get(name)?.address;
      if (address?.kind !== 'ip') throw new Error(`${name} is not bound`);
      return address.port;
    },
  };
}

const type = (name: string) => ({ '@type': `type.googleapis.com/envoy.extensions.${name}` });

export function tlsCertificate(certificate: TestCertificate): object {
  return {
    certificate_chain: { inline_string: certificate.chainPem },
    private_key: { inline_string: certificate.keyPem },
  };
}

/** Trusts this authority, and where a name is given only who has it as URI. */
export function validation(authority: TestCertificate, uri: string | null = null): object {
  const names =
    uri === null ? {} : { match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: uri } }] };
  return { trusted_ca: { inline_string: authority.pem }, ...names };
}

export function downstreamTls(common: object, more: object = {}): object {
  const typed_config = {
    ...type('transport_sockets.tls.v3.DownstreamTlsContext'),
    common_tls_context: common,
    ...more,
  };
  return { name: 'envoy.transport_sockets.tls', typed_config };
}

export function upstreamTls(common: object, more: object = {}): object {
  const typed_config = {
    ...type('transport_sockets.tls.v3.UpstreamTlsContext'),
    common_tls_context: common,
    ...more,
  };
  return { name: 'envoy.transport_sockets.tls', typed_config };
}

/** All requests of a listener to one cluster of its name. */
export function httpListener(
  name: string,
  port: number,
  cluster: string,
  transport: object | null,
  more: object = {},
): object {
  const manager = {
    ...type('filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: name,
    ...more,
    route_config: {
      name,
      virtual_hosts: [{ name, domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster } }] }],
    },
    http_filters: [
      { name: 'envoy.filters.http.router', typed_config: type('filters.http.router.v3.Router') },
    ],
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [{ filters, ...(transport === null ? {} : { transport_socket: transport }) }],
  };
}

/** All connections of a listener to one cluster of its name. */
export function tcpListener(name: string, port: number, cluster: string, more: object = {}): object {
  const typed_config = {
    ...type('filters.network.tcp_proxy.v3.TcpProxy'),
    stat_prefix: name,
    cluster,
    ...more,
  };
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config }] }],
  };
}

export function cluster(name: string, port: number, transport: object | null): object {
  const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value: port } } };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
    ...(transport === null ? {} : { transport_socket: transport }),
  };
}
