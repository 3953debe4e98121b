// The Envoy bootstrap of one proxy: who it is, where it listens, and where its control plane is (docs/xds.md names the
// fields of the node).

import { isIP } from 'node:net';
import { dirname } from 'node:path';
import { weftMetadataKey } from '../xds/index.ts';

export interface BootstrapFacts {
  readonly role: 'sidecar' | 'agent' | 'gateway';
  /** The pod, or for an agent the node. */
  readonly name: string;
  readonly namespace: string;
  readonly workload: string;
  /** The pod's labels: Services whose selector matches them are served by it. */
  readonly labels: Readonly<Record<string, string>>;
  readonly admin: Endpoint;
  /**
   * Listener (`outbound`, `inbound`, `agent`, `gateway`) to its `host:port`; what is absent has the control plane's
   * default.
   */
  readonly listen: Readonly<Record<string, string>>;
  /** Service port, by name or number, to the application's port. */
  readonly application: Readonly<Record<string, number>>;
  /** The pod's connections are led to its sidecar, whatever they carry. */
  readonly capture?: boolean;
  /** Its network has IPv6, over which it is to be reached too. */
  readonly ipv6?: boolean;
  /** Names of the pod's container ports, for a Service whose targetPort is a name. */
  readonly containerPorts: Readonly<Record<string, number>>;
  /** Services that it calls, as `ledger` or `ledger.bank`, or those whose policies let its account in; absent: all. */
  readonly calls?: readonly string[] | 'allowed';
  /** Its service account, for the latter where nobody proves it; absent: not known. */
  readonly account?: string;
  /** The control plane; a name is looked up. */
  readonly xds: Endpoint;
  /** How the control plane is known, and told who asks; null: in plain text, taken of its own machine alone. */
  readonly identity: ProxyIdentity | null;
}

/** Files, read anew when they change. */
export interface ProxyIdentity {
  /** PEM of whom to trust. */
  readonly caFile: string;
  /** A token of the proxy's account. */
  readonly tokenFile: string;
  /** For Envoy, which reads the token as a secret: the file that {@link encodeTokenSecret} is written to. */
  readonly secretFile?: string;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** As JSON, which is YAML too. Envoy itself would take it as it stands. */
export function encodeBootstrap(facts: BootstrapFacts): string {
  const { role, name, namespace, workload, labels, admin, listen, capture, ipv6, xds } = facts;
  const { account, application, calls, containerPorts, identity } = facts;
  const ads = { ads: {}, resource_api_version: 'V3' };
  const bootstrap = {
    node: {
      id: role === 'agent' ? `agent~${name}` : `${role}~${name}.${namespace}`,
      cluster: workload,
      metadata: {
        namespace,
        labels,
        // A Service that comes or goes is its own virtual host then, and no new table.
        ...(role === 'gateway' ? {} : { vhds: true }),
        ...(Object.keys(listen).length === 0 ? {} : { listen }),
        admin: `${admin.host}:${admin.port}`,
        ...(capture === true ? { capture } : {}),
        ...(ipv6 === true ? { ipv6 } : {}),
        ...(calls === undefined ? {} : { calls }),
        ...(account === undefined ? {} : { account }),
        ...(Object.keys(application).length === 0 ? {} : { application }),
        ...(Object.keys(containerPorts).length === 0 ? {} : { containerPorts }),
      },
    },
    admin: { address: socketAddress(admin) },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      lds_config: ads,
      cds_config: ads,
    },
    static_resources: { clusters: [xdsCluster(xds, identity)] },
  };
  return `${JSON.stringify(bootstrap, null, 2)}\n`;
}

function xdsCluster(xds: Endpoint, identity: ProxyIdentity | null) {
  return {
    name: 'xds',
    type: isIP(xds.host) === 0 ? 'STRICT_DNS' : 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      [httpOptions]: typed(httpOptions, {
        explicit_http_config: { http2_protocol_options: {} },
        ...(identity?.secretFile === undefined ? {} : { http_filters: injectToken(identity) }),
      }),
    },
    load_assignment: {
      cluster_name: 'xds',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(xds) } }] }],
    },
    ...(identity === null ? {} : secured(xds, identity)),
  };
}

const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const tokenName = 'token';

function typed(type: string, fields: object = {}): object {
  return { '@type': `type.googleapis.com/${type}`, ...fields };
}

/** Envoy's credential injector, before what ends every list of an upstream's filters. */
function injectToken({ tokenFile, secretFile }: ProxyIdentity): readonly object[] {
  const source = { path: secretFile, watched_directory: { path: dirname(tokenFile) } };
  const sds_config = { path_config_source: source, resource_api_version: 'V3' };
  const credential = { name: tokenName, sds_config };
  return [
    {
      name: 'envoy.filters.http.credential_injector',
      typed_config: typed('envoy.extensions.filters.http.credential_injector.v3.CredentialInjector', {
        overwrite: true,
        credential: {
          name: 'envoy.http.injected_credentials.generic',
          typed_config: typed('envoy.extensions.http.injected_credentials.generic.v3.Generic', {
            header_value_prefix: 'Bearer ',
            credential,
          }),
        },
      }),
    },
    {
      name: 'envoy.filters.http.upstream_codec',
      typed_config: typed('envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec'),
    },
  ];
}

/** What Envoy reads the token by, and reads again whenever the kubelet replaces it. */
export function encodeTokenSecret(tokenFile: string): string {
  const secret = typed('envoy.extensions.transport_sockets.tls.v3.Secret', {
    name: tokenName,
    generic_secret: { secret: { filename: tokenFile } },
  });
  return `${JSON.stringify({ resources: [secret] }, null, 2)}\n`;
}

function secured({ host }: Endpoint, { caFile, tokenFile, secretFile }: ProxyIdentity) {
  const isName = isIP(host) === 0;
  const name = { san_type: isName ? 'DNS' : 'IP_ADDRESS', matcher: { exact: host } };
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
        ...(isName ? { sni: host } : {}),
        common_tls_context: {
          tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
          alpn_protocols: ['h2'],
          validation_context: { trusted_ca: { filename: caFile }, match_typed_subject_alt_names: [name] },
        },
      },
    },
    ...(secretFile === undefined
      ? { metadata: { filter_metadata: { [weftMetadataKey]: { token_file: tokenFile } } } }
      : {}),
  };
}

function socketAddress({ host, port }: Endpoint) {
  return { socket_address: { address: host, port_value: port } };
}
