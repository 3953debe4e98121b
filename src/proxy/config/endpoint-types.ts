// The compiled configuration: endpoints of clusters.

import type { Address } from '../../net/index.ts';
import type { Labels } from '../../policy/index.ts';

/** Endpoints, and how their health is counted. */
export interface EndpointSet {
  readonly endpoints: readonly EndpointConfig[];
  /** What an endpoint can carry beyond its share; default 140 (Envoy's). */
  readonly overprovisioningPercent: number;
  /** A priority's health is that of its weights, not of its endpoints. */
  readonly weightedHealth: boolean;
  /** Of its requests, 0 to 1, those that are answered instead of it; absent: none. */
  readonly dropShare?: number;
  /** What it is called in load reports; absent: none is dropped. */
  readonly dropCategory?: string;
  /** After which they are not used any more, unless they are told again; absent: never. */
  readonly staleAfterMs?: number;
}

export interface EndpointAssignment extends EndpointSet {
  readonly cluster: string;
  /** Clock.wall() when this set was received; its age is shown and exported. */
  readonly receivedAtMs: number;
}

/** Of one endpoint's active health checks. */
export interface EndpointCheck {
  readonly address: Address;
  /** Instead of the check's own host; '': that holds. */
  readonly host: string;
  /** It is not checked, and counts as well. */
  readonly disabled: boolean;
}

/** As envoy.config.core.v3.HealthStatus names them. */
export type HostStatus = 'UNKNOWN' | 'HEALTHY' | 'UNHEALTHY' | 'DRAINING' | 'TIMEOUT' | 'DEGRADED';

export interface EndpointConfig {
  readonly address: Address;
  /** Tried where that does not answer soon; absent: there are none. */
  readonly alternatives?: readonly Address[];
  readonly weight: number;
  /** 0 is used first. */
  readonly priority: number;
  readonly healthy: boolean;
  /** It may be used, but only for what the healthy ones cannot carry. */
  readonly degraded: boolean;
  /** Just as it was said. */
  readonly status: HostStatus;
  readonly zone: string;
  /** `region/zone/sub-zone`. */
  readonly locality: string;
  /** Of its locality among those of its priority; -1: none was given. */
  readonly localityWeight: number;
  /**
   * A Weft sidecar stands before the application: its refusal marker is believed (loopback or authenticated peers
   * only).
   */
  readonly proxied: boolean;
  /** What differs for its active health checks; null: they go where requests go. */
  readonly check: EndpointCheck | null;
  /** What it is called in its configuration, or by DNS; '': nothing. */
  readonly hostname: string;
  /** For display: the pod's name; '' where unknown. */
  readonly name: string;
  /** What it is known by where its address may change; '': its address. */
  readonly logicalName: string;
  /** What {@link ClusterConfig.transportMatches} look at; null: nothing. */
  readonly transportLabels: Labels | null;
  /** What subsets are made by (`envoy.lb`); null: nothing. */
  readonly labels: Labels | null;
}
