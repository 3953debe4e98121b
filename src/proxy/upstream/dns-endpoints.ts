// Endpoints of a DNS cluster: looks the names of its configuration up, each again in its own time, and assigns the
// addresses. A name that cannot be looked up takes nothing away: its last answer holds until there is a better one. An
// answer that there is no such address is one, as in Envoy: endpoints of STRICT_DNS go with it.

import { assert, isSpecialIp, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { DnsConfig, EndpointAssignment, EndpointConfig } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';
import type { Cluster } from './cluster.ts';

/** One name, looked up again and again. */
class Lookup implements TimerHandler {
  addresses: readonly string[] = [];
  /** There was an answer, or the first failure. */
  settled = false;
  private failures = 0;
  private stopped = false;
  private readonly name: string;
  private readonly owner: DnsEndpoints;
  private readonly timer = new Timer(this, 0);

  constructor(owner: DnsEndpoints, name: string) {
    this.owner = owner;
    this.name = name;
  }

  start(): void {
    void this.look();
  }

  stop(): void {
    this.stopped = true;
    this.owner.context.clock.cancel(this.timer);
  }

  onTimer(): void {
    void this.look();
  }

  private async look(): Promise<void> {
    const { context, cluster, config } = this.owner;
    cluster.stats.lookups += 1;
    let nextMs: number;
    try {
      const { addresses, ttlSeconds } = await context.resolver.resolve(this.name, config.servers);
      if (this.stopped) return;
      this.take(addresses);
      nextMs = this.jittered(config.respectTtl ? ttlSeconds * 1000 : config.refreshMs);
    } catch (error) {
      if (this.stopped) return;
      nextMs = this.saysNone(error) ? this.takeNone() : this.fail(error);
    }
    this.settled = true;
    this.owner.onAnswer();
    context.clock.arm(this.timer, Math.max(1, nextMs));
  }

  private take(found: readonly string[]): void {
    const { cluster, config } = this.owner;
    const elsewhere = config.outside ? found.filter((address) => !isSpecialIp(address)) : found;
    // Not an answer of none: whoever gives such an answer is not believed in that either.
    if (elsewhere.length < found.length && elsewhere.length === 0)
      throw this.nowhere('connect-failed', `all of ${found.join(', ')} are of this host or its link`);
    const addresses = chooseFamily(elsewhere, config.family);
    if (addresses.length === 0) throw this.nowhere('name-not-found', 'no address of the family asked for');
    cluster.stats.lookupSuccesses += 1;
    this.failures = 0;
    // What is in use and still in the answer stays: servers turn their answers round.
    const [current] = this.addresses;
    if (!config.logical) this.addresses = addresses;
    else if (current === undefined || !addresses.includes(current)) this.addresses = addresses;
    else this.addresses = [current, ...addresses.filter((address) => address !== current)];
  }

  private nowhere(code: 'name-not-found' | 'connect-failed', why: string): MeshError {
    return new MeshError(code, 'internal', 'no', `${this.name}: ${why}`);
  }

  /** That a name has no address is an answer, as in Envoy; of a logical one it is a failure, and its last one stays. */
  private saysNone(error: unknown): boolean {
    return !this.owner.config.logical && error instanceof MeshError && error.code === 'name-not-found';
  }

  private takeNone(): number {
    const { context, cluster, config } = this.owner;
    cluster.stats.lookupSuccesses += 1;
    this.failures = 0;
    if (this.addresses.length > 0 || !this.settled)
      context.log.write('warn', 'name has no address', { cluster: cluster.name, name: this.name });
    this.addresses = [];
    return this.jittered(config.refreshMs);
  }

  private jittered(delayMs: number): number {
    const { context, config } = this.owner;
    return config.jitterMs > 0 ? delayMs + context.random.float() * config.jitterMs : delayMs;
  }

  /** When to look again: sooner than that would not help a server that is down. */
  private fail(error: unknown): number {
    const { context, cluster, config } = this.owner;
    cluster.stats.lookupFailures += 1;
    const reason = error instanceof MeshError ? error.message : String(error);
    // Told when it begins, not at every look.
    if (this.failures === 0)
      context.log.write('warn', 'name not resolved', { cluster: cluster.name, name: this.name, reason });
    this.failures += 1;
    const { failureBaseMs, failureMaxMs } = config;
    if (failureBaseMs === null) return config.refreshMs;
    // Envoy's jittered back-off: anything up to the doubled base, up to the maximum.
    const ceilingMs = Math.min(failureMaxMs, failureBaseMs * 2 ** Math.min(this.failures - 1, 30));
    return context.random.float() * ceilingMs;
  }
}

export class DnsEndpoints {
  /** The assignment whose names are resolved; compared by identity. */
  readonly assignment: EndpointAssignment;
  readonly config: DnsConfig;
  readonly context: ProxyContext;
  readonly cluster: Cluster;
  private readonly lookups = new Map<string, Lookup>();

  constructor(context: ProxyContext, cluster: Cluster, assignment: EndpointAssignment) {
    const { names } = cluster.config;
    assert(names !== null, 'a cluster of names says how to look them up');
    this.context = context;
    this.cluster = cluster;
    this.assignment = assignment;
    this.config = names;
    for (const { address } of assignment.endpoints) {
      if (address.kind === 'unix' || isIpLiteral(address.host) || this.lookups.has(address.host)) continue;
      this.lookups.set(address.host, new Lookup(this, address.host));
    }
    if (this.lookups.size === 0) this.onAnswer();
    for (const lookup of this.lookups.values()) lookup.start();
  }

  /** Names that nothing is known of yet, and that are waited for. */
  get awaited(): readonly string[] {
    if (!this.config.awaited) return [];
    return [...this.lookups].filter(([, { settled }]) => !settled).map(([name]) => name);
  }

  stop(): void {
    for (const lookup of this.lookups.values()) lookup.stop();
  }

  onAnswer(): void {
    const endpoints = this.assignment.endpoints.flatMap((config) => this.resolved(config));
    this.cluster.assign({ ...this.assignment, endpoints, receivedAtMs: this.context.clock.wall() });
  }

  private resolved(config: EndpointConfig): readonly EndpointConfig[] {
    const { address } = config;
    if (address.kind === 'unix' || isIpLiteral(address.host)) return [config];
    const logicalName = this.config.logical ? `${address.host}:${address.port}` : '';
    const found = this.lookups.get(address.host)?.addresses ?? [];
    const at = (host: string) => ({ kind: 'ip' as const, host, port: address.port });
    const further = this.config.logical ? found.slice(1).map(at) : [];
    return (this.config.logical ? found.slice(0, 1) : found).map((host) => ({
      ...config,
      ...(further.length > 0 ? { alternatives: further } : {}),
      name: config.name || address.host,
      address: at(host),
      check: checkAt(config, address.host, host),
      hostname: config.hostname || address.host,
      logicalName,
    }));
  }
}

/** A check of the same name goes where the endpoint is. */
function checkAt({ check }: EndpointConfig, name: string, host: string): EndpointConfig['check'] {
  const at = check?.address;
  return check !== null && at?.kind === 'ip' && at.host === name
    ? { ...check, address: { ...at, host } }
    : check;
}

/** Envoy's DnsLookupFamily: which of the addresses found are used. */
function chooseFamily(addresses: readonly string[], family: DnsConfig['family']): readonly string[] {
  const v6 = addresses.filter((address) => address.includes(':'));
  const v4 = addresses.filter((address) => !address.includes(':'));
  switch (family) {
    case 'v4-only':
      return v4;
    case 'v6-only':
      return v6;
    case 'v4-preferred':
      return v4.length > 0 ? v4 : v6;
    case 'auto':
      return v6.length > 0 ? v6 : v4;
    case 'all':
      return addresses;
  }
}

function isIpLiteral(host: string): boolean {
  return host.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}
