// What the status of an object is made from.

import type { FleetFault } from '../fleet/object-writer.ts';
import type { KubeObject } from '../kubernetes/types.ts';
import type { CatalogEntry } from '../model/catalog.ts';
import type { Condition } from '../model/status.ts';
import type { GatewayModel } from '../model/types.ts';
import type { Players } from './replica-report.ts';

/** What is known of one object when its status is made. */
export interface StatusInput {
  readonly entry: CatalogEntry;
  /** As the API server has it, without its status. */
  readonly object: KubeObject;
  /** What is there now. */
  readonly present: unknown;
  readonly generation: number;
  /** All that is said about it: by the schema, the model and the proxies. */
  readonly conditions: readonly Condition[];
  /** RFC 3339, in whole seconds, as the API server writes times. */
  readonly now: string;
}

/** What the status of Gateways needs beyond their own conditions. */
export interface GatewayFacts {
  gateway(namespace: string, name: string): GatewayModel | null;
  /** A GatewayClass of this name is this controller's. */
  ownsClass(name: string): boolean;
  /** Addresses that it asks for. */
  asked(namespace: string, name: string): readonly string[];
  /** The Gateway that a ListenerSet names, if it is one of ours. */
  gatewayOfSet(namespace: string, name: string): GatewayModel | null;
  /** Addresses under which clients reach it; empty: none is known. */
  addresses(namespace: string, name: string): readonly GatewayAddress[];
  /** How many proxies that play it are connected, and how many of them took what it means now. */
  proxies(namespace: string, name: string): Players;
  /** What keeps the objects that run a Gateway, or fence a Service, from being as they should be. */
  fault(kind: 'Gateway' | 'Service', namespace: string, name: string): FleetFault | null;
  /** Why its pods lack labels that its infrastructure asks for; empty: they have all. */
  hiddenLabels(namespace: string, name: string): string;
}

export interface GatewayAddress {
  readonly type: 'IPAddress' | 'Hostname';
  readonly value: string;
}
