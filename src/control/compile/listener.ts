// A listener with one HTTP connection manager that takes its routes by RDS under the listener's own name.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Filter,
  FilterSchema,
  HttpConnectionManager_ServerHeaderTransformation,
  HttpConnectionManagerSchema,
  type Listener,
  ListenerSchema,
  RouterSchema,
  TrafficDirection,
} from '../../xds/api.ts';
import { accessFilter } from './access.ts';
import { refusalsLog } from './access-log.ts';
import { corsFilter } from './cors.ts';
import { addressOf, durationOf, fromAds, packAny, weftMetadata } from './messages.ts';
import { type OnDemand, onDemandFilters } from './on-demand.ts';
import type { Bind } from './scope.ts';

export interface ListenerInput {
  readonly name: string;
  readonly bind: Bind;
  /** Its network has IPv6. */
  readonly ipv6?: boolean;
  readonly direction: 'inbound' | 'outbound' | 'gateway';
  /** A route of it says who may read across origins. */
  readonly cors: boolean;
  /** A request waits for these where they are not there; for nothing by default. */
  readonly onDemand?: OnDemand;
  /** A route of it leads to what not everybody may call. */
  readonly fenced: boolean;
  /** Proxies before this one whose word about the client is taken; none by default. */
  readonly hops?: number;
}

/** From the first byte of a head to its end: a client that needs longer is stuck or hostile. */
const headTimeoutMs = 10_000;

/** The network filter that reads HTTP, and takes its routes by `name`. */
export function compileManager({
  name,
  direction,
  cors,
  fenced,
  onDemand,
  hops = 0,
}: Omit<ListenerInput, 'bind' | 'ipv6'>): Filter {
  const edge = direction === 'gateway';
  const manager = packAny(HttpConnectionManagerSchema, {
    statPrefix: name,
    routeSpecifier: { case: 'rds', value: { configSource: fromAds(), routeConfigName: name } },
    httpFilters: [
      ...(onDemand === undefined ? [] : onDemandFilters(onDemand)),
      ...(fenced ? [accessFilter()] : []),
      ...(cors ? [corsFilter()] : []),
      {
        name: 'envoy.filters.http.router',
        configType: { case: 'typedConfig', value: packAny(RouterSchema, {}) },
      },
    ],
    // Applications upgrade as they did before a proxy stood between them.
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    http2ProtocolOptions: { allowConnect: true },
    // Nor does a proxy between them refuse what they say to each other.
    httpProtocolOptions: { acceptHttp10: true, allowCustomMethods: true },
    requestHeadersTimeout: durationOf(headTimeoutMs),
    // Between services the application's own name stays; at the edge the caller's request id is not believed.
    serverHeaderTransformation: HttpConnectionManager_ServerHeaderTransformation.PASS_THROUGH,
    ...(fenced ? { accessLog: [refusalsLog('requests')] } : {}),
    preserveExternalRequestId: !edge,
    useRemoteAddress: edge,
    xffNumTrustedHops: hops,
  });
  return create(FilterSchema, {
    name: 'envoy.filters.network.http_connection_manager',
    configType: { case: 'typedConfig', value: manager },
  });
}

const ipv6Twins: Readonly<Record<string, string>> = { '127.0.0.1': '::1', '0.0.0.0': '::' };

/** What the kernel leads to an IPv4 address it leads to this one over IPv6: nothing else comes to the other. */
export function addressesOf(
  { host, port }: Bind,
  ipv6: boolean,
): Pick<MessageInitShape<typeof ListenerSchema>, 'address' | 'additionalAddresses'> {
  const twin = ipv6 ? ipv6Twins[host] : undefined;
  return {
    address: addressOf(host, port),
    ...(twin === undefined ? {} : { additionalAddresses: [{ address: addressOf(twin, port) }] }),
  };
}

export function compileListener(input: ListenerInput): Listener {
  return create(ListenerSchema, {
    name: input.name,
    ...addressesOf(input.bind, input.ipv6 === true),
    trafficDirection: input.direction === 'inbound' ? TrafficDirection.INBOUND : TrafficDirection.OUTBOUND,
    filterChains: [{ filters: [compileManager(input)] }],
    metadata: weftMetadata({ direction: input.direction }),
  });
}
