// The Envoy bootstrap of one proxy: who it is, where it listens, and where its control plane is.

export interface BootstrapFacts {
  readonly role: 'sidecar' | 'agent' | 'gateway';
  /** The pod, or for an agent the node. */
  readonly name: string;
  readonly namespace: string;
  /** Value of the pod's label `app`. */
  readonly workload: string;
  readonly adminPort: number;
  /** Listener (`outbound`, `inbound`, `agent`, `gateway`) to its port. */
  readonly listen: Readonly<Record<string, number>>;
  /** The application's port behind the Service's port `http`; null where there is no application. */
  readonly applicationPort: number | null;
  readonly xdsPort: number;
}

const host = '127.0.0.1';

function socketAddress(port: number) {
  return { socket_address: { address: host, port_value: port } };
}

/** As JSON, which is YAML too. Envoy itself would take it as it stands. */
export function encodeBootstrap(facts: BootstrapFacts): string {
  const ads = { ads: {}, resource_api_version: 'V3' };
  const id =
    facts.role === 'agent' ? `agent~${facts.name}` : `${facts.role}~${facts.name}.${facts.namespace}`;
  const listen = Object.entries(facts.listen).map(([name, port]) => [name, `${host}:${port}`]);
  const bootstrap = {
    node: {
      id,
      cluster: facts.workload,
      metadata: {
        namespace: facts.namespace,
        labels: { app: facts.workload },
        listen: Object.fromEntries(listen),
        admin: `${host}:${facts.adminPort}`,
        ...(facts.applicationPort === null ? {} : { application: { http: facts.applicationPort } }),
      },
    },
    admin: { address: socketAddress(facts.adminPort) },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      lds_config: ads,
      cds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(facts.xdsPort) } }] }],
          },
        },
      ],
    },
  };
  return `${JSON.stringify(bootstrap, null, 2)}\n`;
}
