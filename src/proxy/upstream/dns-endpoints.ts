// Endpoints of a DNS cluster: resolves the names of its configuration, again when an answer has run out, and assigns
// the addresses. A failing resolver takes nothing away: the last answer holds until there is a better one.

import { MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { EndpointAssignment, EndpointConfig } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';
import { proxyLimits } from '../limits.ts';
import type { Cluster } from './cluster.ts';

export class DnsEndpoints implements TimerHandler {
  /** The assignment whose names are resolved; compared by identity. */
  readonly assignment: EndpointAssignment;
  private readonly context: ProxyContext;
  private readonly cluster: Cluster;
  private readonly timer = new Timer(this, 0);
  private readonly addresses = new Map<string, readonly string[]>();
  private stopped = false;

  constructor(context: ProxyContext, cluster: Cluster, assignment: EndpointAssignment) {
    this.context = context;
    this.cluster = cluster;
    this.assignment = assignment;
    this.resolveAll();
  }

  stop(): void {
    this.stopped = true;
    this.context.clock.cancel(this.timer);
  }

  onTimer(): void {
    this.resolveAll();
  }

  private resolveAll(): void {
    const names = new Set(this.assignment.endpoints.map(hostOf).filter((host) => !isIpLiteral(host)));
    if (names.size === 0) {
      this.assign();
      return;
    }
    void Promise.all([...names].map((name) => this.resolve(name))).then((ttls) => {
      if (this.stopped) return;
      this.assign();
      const ttlMs = Math.min(proxyLimits.resolveMaxMs, Math.min(...ttls) * 1000);
      this.context.clock.arm(this.timer, Math.max(proxyLimits.resolveMinMs, ttlMs));
    });
  }

  /** Never rejects: seconds until the next look. */
  private async resolve(name: string): Promise<number> {
    try {
      const { addresses, ttlSeconds } = await this.context.resolver.resolve(name);
      this.addresses.set(name, addresses);
      return ttlSeconds;
    } catch (error) {
      const reason = error instanceof MeshError ? error.message : String(error);
      this.context.log.write('warn', 'name not resolved', { cluster: this.cluster.name, name, reason });
      return 0;
    }
  }

  private assign(): void {
    const endpoints: EndpointConfig[] = [];
    for (const config of this.assignment.endpoints) {
      const { address } = config;
      if (address.kind === 'unix' || isIpLiteral(address.host)) {
        endpoints.push(config);
        continue;
      }
      for (const host of this.addresses.get(address.host) ?? [])
        endpoints.push(resolved(config, host, address.port));
    }
    this.cluster.assign({ ...this.assignment, endpoints, receivedAtMs: this.context.clock.wall() });
  }
}

/** A check of the same name goes where the endpoint is. */
function resolved(config: EndpointConfig, host: string, port: number): EndpointConfig {
  const { check } = config;
  const at = check?.address;
  const same = at?.kind === 'ip' && at.host === hostOf(config);
  return {
    ...config,
    address: { kind: 'ip', host, port },
    check: check !== null && same ? { ...check, address: { ...at, host } } : check,
  };
}

function hostOf(config: EndpointConfig): string {
  return config.address.kind === 'ip' ? config.address.host : '127.0.0.1';
}

function isIpLiteral(host: string): boolean {
  return host.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}
