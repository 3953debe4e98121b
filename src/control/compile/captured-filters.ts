// What listeners of captured connections have in common, either way: where a connection was going, whether its first
// bytes are HTTP, and bytes carried as they come.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Filter,
  FilterSchema,
  ListenerFilterChainMatchPredicateSchema,
  ListenerFilterSchema,
  type ListenerSchema,
  TcpProxySchema,
} from '../../xds/api.ts';
import type { PortModel } from '../model/types.ts';
import { refusalsLog } from './access-log.ts';
import { hashSource } from './affinity.ts';
import { durationOf, emptyMessage, packAny } from './messages.ts';
import { withOnDemand } from './on-demand.ts';

/** For the first bytes of a connection that may be HTTP; a server that speaks first is carried after it. */
const firstBytesMs = 1_000;

/** Of what is captured; else its bytes are carried as they come, and nobody waits for them. */
export function readsHttp({ protocol, doubtful }: Pick<PortModel, 'protocol' | 'doubtful'>): boolean {
  return protocol !== 'opaque' && !doubtful;
}

/** Ports at which first bytes are looked at. */
export type Inspected = { readonly at: readonly number[] } | { readonly exceptAt: readonly number[] };

/** Elsewhere nobody waits for a client's first bytes: a server may speak first. */
export function lookAt(
  inspected: Inspected,
): Pick<
  MessageInitShape<typeof ListenerSchema>,
  'listenerFilters' | 'listenerFiltersTimeout' | 'continueOnListenerFiltersTimeout'
> {
  return {
    listenerFilters: [originalDestination(), ...inspectHttp(inspected)],
    listenerFiltersTimeout: durationOf(firstBytesMs),
    continueOnListenerFiltersTimeout: true,
  };
}

/** Of the chain for HTTP at a port; null: at any. */
export function httpAt(port: number | null) {
  return {
    ...(port === null ? {} : { destinationPort: port }),
    applicationProtocols: ['http/1.0', 'http/1.1', 'h2c'],
  };
}

interface Carried {
  /** Absent: the cluster. */
  readonly statPrefix?: string;
  /** Its cluster comes to who asks for it. */
  readonly asked?: boolean;
  readonly sticky?: boolean;
  /** Not everybody may connect. */
  readonly fenced?: boolean;
}

/** As long as its ends want: nobody knows what it is, nor how long it is silent. */
export function carry(
  cluster: string,
  { statPrefix = cluster, asked = false, sticky = false, fenced = false }: Carried = {},
): Filter {
  const proxy = packAny(TcpProxySchema, {
    statPrefix,
    clusterSpecifier: { case: 'cluster', value: cluster },
    idleTimeout: durationOf(0),
    ...(sticky ? { hashPolicy: [hashSource()] } : {}),
    ...(fenced ? { accessLog: [refusalsLog('bytes')] } : {}),
  });
  return create(FilterSchema, {
    name: 'envoy.filters.network.tcp_proxy',
    configType: { case: 'typedConfig', value: asked ? withOnDemand(proxy) : proxy },
  });
}

const listenerFilters = 'envoy.extensions.filters.listener';

function originalDestination() {
  return create(ListenerFilterSchema, {
    name: 'envoy.filters.listener.original_dst',
    configType: {
      case: 'typedConfig',
      value: emptyMessage(`${listenerFilters}.original_dst.v3.OriginalDst`),
    },
  });
}

function inspectHttp(inspected: Inspected) {
  if ('at' in inspected && inspected.at.length === 0) return [];
  const value = emptyMessage(`${listenerFilters}.http_inspector.v3.HttpInspector`);
  return [
    create(ListenerFilterSchema, {
      name: 'envoy.filters.listener.http_inspector',
      configType: { case: 'typedConfig', value },
      filterDisabled:
        'at' in inspected
          ? predicate({ rule: { case: 'notMatch', value: anyOf(inspected.at) } })
          : anyOf(inspected.exceptAt),
    }),
  ];
}

function predicate(init: MessageInitShape<typeof ListenerFilterChainMatchPredicateSchema>) {
  return create(ListenerFilterChainMatchPredicateSchema, init);
}

function anyOf(ports: readonly number[]) {
  const rules = ports.map((port) =>
    predicate({ rule: { case: 'destinationPortRange', value: { start: port, end: port + 1 } } }),
  );
  // A set of one is none (proto: at least two).
  return rules.length === 1 ? rules[0]! : predicate({ rule: { case: 'orMatch', value: { rules } } });
}
