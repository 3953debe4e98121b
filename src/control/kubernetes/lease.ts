// One leader among the replicas, by a Lease (coordination.k8s.io/v1), as client-go's leader election does it: nobody's
// clock is believed but one's own. A lease counts as expired when this process has seen it unchanged for its duration,
// and who cannot renew in time stops to lead before that.

import type { Clock, Log, TimerHandler } from '../../base/index.ts';
import { Timer } from '../../base/index.ts';
import { leaseLimits } from './limits.ts';
import { fieldOf, type KubeAnswer, type KubeApi, type KubeObject, textOf } from './types.ts';

export interface LeaseOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly log: Log;
  readonly namespace: string;
  readonly name: string;
  /** Of this process; no other may have it. */
  readonly identity: string;
  onLeading(leading: boolean): void;
}

export class Lease implements TimerHandler {
  private readonly options: LeaseOptions;
  private readonly timer: Timer;
  private holds = false;
  private stopped = false;
  /** Clock time of the last write that succeeded. */
  private renewedMs = 0;
  /** What was last seen of another's lease, and since when it has not changed. */
  private seen = '';
  private seenMs = 0;

  constructor(options: LeaseOptions) {
    this.options = options;
    this.timer = new Timer(this, 0);
  }

  get leading(): boolean {
    return this.holds;
  }

  start(): void {
    void this.turn();
  }

  onTimer(): void {
    void this.turn();
  }

  /** Gives the lease up, so that another need not wait for its end. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.options.clock.cancel(this.timer);
    if (!this.holds) return;
    this.lead(false);
    const lease = await this.read();
    if (lease === null || lease.status !== 200 || holderOf(lease.body) !== this.options.identity) return;
    await this.write(lease.body, '', 1);
  }

  private async turn(): Promise<void> {
    const held = await this.tryHold();
    if (this.stopped) return;
    const now = this.options.clock.now();
    if (held) this.renewedMs = now;
    if (held) this.lead(true);
    else if (this.holds && now - this.renewedMs >= leaseLimits.renewDeadlineMs) this.lead(false);
    this.options.clock.arm(this.timer, leaseLimits.retryMs);
  }

  /** Whether the lease is ours after this. */
  private async tryHold(): Promise<boolean> {
    const answer = await this.read();
    if (answer === null) return false;
    if (answer.status === 404) return await this.create();
    if (answer.status !== 200) return false;
    const holder = holderOf(answer.body);
    if (holder !== this.options.identity && !this.isFree(answer.body, holder)) {
      // Somebody else holds it: we do not, whatever we believed.
      if (this.holds) this.lead(false);
      return false;
    }
    return await this.write(answer.body, this.options.identity, leaseLimits.durationMs / 1000);
  }

  private isFree(lease: KubeObject, holder: string): boolean {
    const now = this.options.clock.now();
    const seen = textOf(lease, 'metadata', 'resourceVersion');
    if (seen !== this.seen) {
      this.seen = seen;
      this.seenMs = now;
    }
    const seconds = Number(fieldOf(lease, 'spec', 'leaseDurationSeconds') ?? 0);
    return holder === '' || now - this.seenMs >= seconds * 1000;
  }

  private lead(leading: boolean): void {
    if (leading === this.holds) return;
    this.holds = leading;
    const { log, identity, namespace, name } = this.options;
    log.write('info', leading ? 'leads' : 'leads no more', { lease: `${namespace}/${name}`, identity });
    this.options.onLeading(leading);
  }

  private get collection(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(this.options.namespace)}/leases`;
  }

  private get path(): string {
    return `${this.collection}/${encodeURIComponent(this.options.name)}`;
  }

  private async read(): Promise<KubeAnswer | null> {
    const answer = await this.options.api.request({ method: 'GET', path: this.path });
    return answer.ok ? answer.value : null;
  }

  private async create(): Promise<boolean> {
    const { namespace, name, identity } = this.options;
    const now = this.now();
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: leaseLimits.durationMs / 1000,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    };
    const body = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace, name },
      spec,
    };
    const answer = await this.options.api.request({ method: 'POST', path: this.collection, body });
    return answer.ok && answer.value.status === 201;
  }

  /** By the version that was read: of two who try, one gets 409. */
  private async write(lease: KubeObject, holder: string, seconds: number): Promise<boolean> {
    const spec = (fieldOf(lease, 'spec') ?? {}) as KubeObject;
    const now = this.now();
    const taken = holder !== '' && holderOf(lease) !== holder;
    const transitions = Number(spec['leaseTransitions'] ?? 0) + (taken ? 1 : 0);
    const changed = {
      ...spec,
      holderIdentity: holder,
      leaseDurationSeconds: seconds,
      leaseTransitions: transitions,
      renewTime: now,
      ...(taken ? { acquireTime: now } : {}),
    };
    const body = { ...lease, spec: changed };
    const answer = await this.options.api.request({ method: 'PUT', path: this.path, body });
    return answer.ok && answer.value.status === 200;
  }

  /** MicroTime of Kubernetes. */
  private now(): string {
    return new Date(this.options.clock.wall()).toISOString().replace('Z', '000Z');
  }
}

function holderOf(lease: KubeObject): string {
  return textOf(lease, 'spec', 'holderIdentity');
}
