// How a cluster finds its endpoints beyond EDS and lists: names, and where clients were going; and what its connections
// are bound to.

import {
  type ConnectOptions,
  formatAddress,
  type NameServers,
  type SocketOption,
} from '../../../net/index.ts';
import { caresResolver, type cluster, type Faults, join, type MessageOf, unpack } from '../schema/index.ts';
import type { ClusterConfig, DnsConfig, OriginalDestinationConfig } from '../types.ts';
import { translateSocketOptions } from './binding.ts';
import { translateAddress } from './endpoints.ts';
import type { WeftValues } from './weft-metadata.ts';

type ClusterMessage = MessageOf<typeof cluster>;

const defaults = { refreshMs: 5_000, cleanupMs: 5_000 } as const;

const families = {
  AUTO: 'auto',
  V4_ONLY: 'v4-only',
  V6_ONLY: 'v6-only',
  V4_PREFERRED: 'v4-preferred',
  ALL: 'all',
} as const;

export function translateDiscovery(
  message: ClusterMessage,
  path: string,
  faults: Faults,
): ClusterConfig['discovery'] {
  const { type, eds_cluster_config: eds, lb_policy } = message;
  if ((lb_policy === 'CLUSTER_PROVIDED') !== (type === 'ORIGINAL_DST'))
    faults.add(
      join(path, 'lb_policy'),
      'must be CLUSTER_PROVIDED for clusters of type ORIGINAL_DST, and for no other',
    );
  if (type !== 'ORIGINAL_DST' && message.original_dst_lb_config !== undefined)
    faults.add(join(path, 'original_dst_lb_config'), 'holds for clusters of type ORIGINAL_DST only');
  if (type === 'EDS') {
    return 'eds';
  }
  if (eds !== undefined) faults.add(join(path, 'eds_cluster_config'), 'holds for clusters of type EDS only');
  if (type === 'ORIGINAL_DST') return 'original-destination';
  return type === 'STRICT_DNS' || type === 'LOGICAL_DNS' ? 'dns' : 'static';
}

export function translateNames(
  message: ClusterMessage,
  weft: WeftValues | null,
  path: string,
  faults: Faults,
): DnsConfig | null {
  if (message.type !== 'STRICT_DNS' && message.type !== 'LOGICAL_DNS') return null;
  const failure = message.dns_failure_refresh_rate;
  const baseMs = failure?.base_interval ?? null;
  if (failure !== undefined && baseMs === null)
    faults.add(join(path, 'dns_failure_refresh_rate.base_interval'), 'must be set');
  if (baseMs !== null && (failure?.max_interval ?? baseMs) < baseMs)
    faults.add(join(path, 'dns_failure_refresh_rate.max_interval'), 'must be at least base_interval');
  return {
    logical: message.type === 'LOGICAL_DNS',
    family: families[message.dns_lookup_family ?? 'AUTO'],
    respectTtl: message.respect_dns_ttl ?? false,
    refreshMs: message.dns_refresh_rate ?? defaults.refreshMs,
    jitterMs: message.dns_jitter ?? 0,
    failureBaseMs: baseMs,
    failureMaxMs: failure?.max_interval ?? (baseMs ?? 0) * 10,
    awaited: message.wait_for_warm_on_init ?? true,
    servers: translateServers(message, path, faults),
    outside: weft?.['outside'] === true,
  };
}

const onlyFamilies = { AUTO: null, V4_ONLY: 4, V6_ONLY: 6, V4_PREFERRED: null, ALL: null } as const;

function translateServers(message: ClusterMessage, path: string, faults: Faults): NameServers | null {
  const { typed_dns_resolver_config: extension, dns_resolution_config: older } = message;
  const cares = unpack(extension?.typed_config, caresResolver);
  // As in Envoy, the newer word counts.
  const said = extension === undefined ? older : cares;
  if (said === undefined || said === null) return null;
  const at = join(path, cares === null ? 'dns_resolution_config' : 'typed_dns_resolver_config.typed_config');
  if (said.resolvers.length === 0) faults.add(join(at, 'resolvers'), 'must be at least one');
  const addresses = said.resolvers.flatMap((one, index) => {
    const address = translateAddress(one, false, join(at, `resolvers[${index}]`), faults);
    if (address?.kind === 'unix')
      faults.add(join(at, `resolvers[${index}].pipe`), 'must be a socket_address');
    return address?.kind === 'ip' ? [formatAddress(address)] : [];
  });
  return { addresses, family: onlyFamilies[message.dns_lookup_family ?? 'AUTO'] };
}

export function translateOriginalDestination(message: ClusterMessage): OriginalDestinationConfig | null {
  if (message.type !== 'ORIGINAL_DST') return null;
  const config = message.original_dst_lb_config;
  return {
    header:
      config?.use_http_header === true
        ? (config.http_header_name || 'x-envoy-original-dst-host').toLowerCase()
        : null,
    port: config?.upstream_port_override ?? null,
    cleanupMs: message.cleanup_interval ?? defaults.cleanupMs,
  };
}

/** IP_FREEBIND and IPV6_FREEBIND. */
const freebind = { v4: { level: 0, name: 15 }, v6: { level: 41, name: 78 } } as const;

/** Of connections to its endpoints, TLS aside; `other` where the other family has a source of its own. */
export function translateConnect(
  message: ClusterMessage,
  path: string,
  faults: Faults,
): { readonly connect: ConnectOptions; readonly connectOther: ConnectOptions | null } {
  const bind = message.upstream_bind_config;
  const at = join(path, 'upstream_bind_config');
  const own = bind?.socket_options ?? [];
  const connect = translateSource(message, bind?.source_address, own, at, faults);
  const additional = bind?.additional_source_addresses.map((address) => ({ address, options: own })) ?? [];
  const extra = bind?.extra_source_addresses.map(({ address, socket_options }, index) => {
    if (address === undefined)
      faults.add(`${join(at, 'extra_source_addresses')}[${index}].address`, 'must be set');
    return { address, options: socket_options?.socket_options ?? own };
  });
  const further = [...additional, ...(extra ?? [])];
  if (further.length > 0 && bind?.source_address === undefined)
    faults.add(join(at, 'source_address'), 'must be set where there are further ones');
  const other = further.find(({ address }) => isIpv6(address) !== isIpv6(bind?.source_address));
  return {
    connect,
    connectOther:
      other === undefined ? null : translateSource(message, other.address, other.options, at, faults),
  };
}

export function translateDialOrder(message: ClusterMessage): Pick<ClusterConfig, 'dialOrder'> {
  const said = message.upstream_connection_options?.happy_eyeballs_config;
  if (said === undefined) return {};
  const family = said.first_address_family_version ?? 'DEFAULT';
  return {
    dialOrder: {
      firstFamily: family === 'DEFAULT' ? 'default' : family === 'V4' ? 'v4' : 'v6',
      firstCount: said.first_address_family_count ?? 1,
    },
  };
}

type SourceMessage = NonNullable<ClusterMessage['upstream_bind_config']>['source_address'];
type OptionMessages = NonNullable<ClusterMessage['upstream_bind_config']>['socket_options'];

function isIpv6(source: SourceMessage): boolean {
  return source?.address?.includes(':') === true;
}

function translateSource(
  message: ClusterMessage,
  source: SourceMessage,
  socketOptions: OptionMessages,
  at: string,
  faults: Faults,
): ConnectOptions {
  const keepAlive = message.upstream_connection_options?.tcp_keepalive;
  const host = source?.address ?? '';
  const options: SocketOption[] = [
    ...translateSocketOptions(socketOptions, join(at, 'socket_options'), faults),
  ];
  if (options.some(({ state }) => state === 'listening'))
    faults.add(join(at, 'socket_options'), 'must not be STATE_LISTENING: these sockets never listen');
  if (message.upstream_bind_config?.freebind === true)
    options.push({ ...(host.includes(':') ? freebind.v6 : freebind.v4), value: 1, state: 'prebind' });
  return {
    source: source === undefined ? null : { kind: 'ip', host, port: source.port_value ?? 0 },
    keepAlive:
      keepAlive === undefined
        ? null
        : {
            probes: keepAlive.keepalive_probes ?? null,
            idleSeconds: keepAlive.keepalive_time ?? null,
            intervalSeconds: keepAlive.keepalive_interval ?? null,
          },
    options,
  };
}
