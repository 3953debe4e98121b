// Endpoints of a cluster that goes where its clients' connections were going (Envoy's ORIGINAL_DST): one for each
// address asked for, gone again when nobody used it between two looks. Their number is bounded, because it is clients
// who choose the addresses.

import { parseIp, Timer, type TimerHandler } from '../../base/index.ts';
import { type Address, formatAddress } from '../../net/index.ts';
import type { EndpointConfig, OriginalDestinationConfig } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';
import { proxyLimits } from '../limits.ts';
import type { Endpoint } from './endpoint.ts';

/** The cluster, as its destinations see it. */
export interface DestinationsOwner {
  readonly context: ProxyContext;
  readonly endpoints: readonly Endpoint[];
  join(config: EndpointConfig): Endpoint;
  leave(endpoints: ReadonlySet<Endpoint>): void;
}

export class OriginalDestinations implements TimerHandler {
  config: OriginalDestinationConfig;
  private readonly owner: DestinationsOwner;
  private readonly hosts = new Map<string, Endpoint>();
  private readonly used = new Set<Endpoint>();
  private readonly timer = new Timer(this, 0);

  constructor(owner: DestinationsOwner, config: OriginalDestinationConfig) {
    this.owner = owner;
    this.config = config;
  }

  /** Null: there is no address, or there are too many already. */
  pick(asked: Address | null): Endpoint | null {
    if (asked === null) return null;
    const { port } = this.config;
    const address = port === null || asked.kind !== 'ip' ? asked : { ...asked, port };
    const key = formatAddress(address);
    const host = this.hosts.get(key) ?? this.add(key, address);
    if (host !== null) this.used.add(host);
    return host;
  }

  stop(): void {
    this.owner.context.clock.cancel(this.timer);
  }

  onTimer(): void {
    const leaving = new Set<Endpoint>();
    for (const [key, host] of this.hosts) {
      if (this.used.has(host) || host.active > 0 || host.connections > 0) continue;
      this.hosts.delete(key);
      leaving.add(host);
    }
    this.used.clear();
    if (leaving.size > 0) this.owner.leave(leaving);
    if (this.hosts.size > 0) this.owner.context.clock.arm(this.timer, this.config.cleanupMs);
  }

  private add(key: string, address: Address): Endpoint | null {
    if (this.hosts.size >= proxyLimits.originalDestinationsMax) return null;
    const host = this.owner.join({ ...template, address });
    this.hosts.set(key, host);
    if (!this.timer.armed) this.owner.context.clock.arm(this.timer, this.config.cleanupMs);
    return host;
  }
}

const template: Omit<EndpointConfig, 'address'> = {
  weight: 1,
  priority: 0,
  healthy: true,
  degraded: false,
  zone: '',
  locality: '',
  localityWeight: -1,
  proxied: false,
  name: '',
  hostname: '',
  logicalName: '',
  check: null,
  transportLabels: null,
  labels: null,
  status: 'UNKNOWN',
};

/** `10.0.0.1:80` or `[::1]:80`; null for anything else. */
export function parseDestination(text: string): Address | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  return match !== null && parseIp(host) !== null && port <= 65_535 ? { kind: 'ip', host, port } : null;
}
