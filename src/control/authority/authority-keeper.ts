// Keeps the authority in its Secret: every replica reads it, the one that leads makes and renews it. Without an answer
// of the API server what was read last holds.

import { type Clock, type Log, Timer, type TimerHandler } from '../../base/index.ts';
import { type KubeApi, textOf } from '../kubernetes/types.ts';
import { authorityLimits } from './limits.ts';
import { type Authority, planAuthority } from './plan.ts';
import { authorityName, readAuthority, writeAuthority } from './secret.ts';

export interface AuthorityKeeperOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the control plane. */
  readonly namespace: string;
  /** What was read is another than before. */
  onAuthority(authority: Authority): void;
}

export class AuthorityKeeper implements TimerHandler {
  private readonly options: AuthorityKeeperOptions;
  private readonly timer = new Timer(this, 0);
  private held: Authority | null = null;
  private leading = false;
  private running = false;
  private stopped = false;
  /** What went wrong last, so that it is said once. */
  private told = '';

  constructor(options: AuthorityKeeperOptions) {
    this.options = options;
  }

  /** Null: it has not been read yet. */
  get authority(): Authority | null {
    return this.held;
  }

  start(): void {
    this.onTimer();
  }

  lead(leading: boolean): void {
    this.leading = leading;
    if (leading) this.onTimer();
  }

  /** Nothing else in the cluster bears on it. */
  poke(): void {}

  stop(): void {
    this.stopped = true;
    this.options.clock.cancel(this.timer);
  }

  onTimer(): void {
    if (!this.running && !this.stopped) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    const fault = await this.turn();
    this.running = false;
    if (this.stopped) return;
    if (fault !== this.told && fault !== '')
      this.options.log.write('warn', 'no authority of our own', { reason: fault });
    this.told = fault;
    const waitMs = fault === '' ? authorityLimits.readMs : authorityLimits.retryMs;
    this.options.clock.arm(this.timer, waitMs);
  }

  /** Why there is none that can be used; empty: all is well. */
  private async turn(): Promise<string> {
    const { api, clock, namespace } = this.options;
    const answer = await api.request({ method: 'GET', path: `${collectionOf(namespace)}/${authorityName}` });
    if (!answer.ok) return answer.error.message;
    const { status, body } = answer.value;
    if (status !== 200 && status !== 404)
      return `the Secret cannot be read: ${status} ${textOf(body, 'message')}`;
    const read = status === 404 ? null : readAuthority(body);
    // Somebody's own: it is not for us to write over it.
    if (typeof read === 'string') return `the Secret ${namespace}/${authorityName}: ${read}`;
    if (read !== null) this.take(read);
    if (!this.leading) return read === null ? 'the replica that leads has not made it yet' : '';
    const planned = planAuthority(read, clock.wall());
    return planned === read
      ? ''
      : await this.write(planned, textOf(body, 'metadata', 'resourceVersion'), read === null);
  }

  /** By the version that was read: of two who believe to lead, one gets 409 and reads again. */
  private async write(authority: Authority, version: string, isNew: boolean): Promise<string> {
    const { api, namespace, log } = this.options;
    const path = collectionOf(namespace);
    const body = writeAuthority(authority, namespace, isNew ? '' : version);
    const answer = await api.request(
      isNew ? { method: 'POST', path, body } : { method: 'PUT', path: `${path}/${authorityName}`, body },
    );
    if (!answer.ok) return answer.error.message;
    const { status } = answer.value;
    if (status !== 200 && status !== 201)
      return `the Secret was not written: ${status} ${textOf(answer.value.body, 'message')}`;
    log.write('info', isNew ? 'made an authority of our own' : 'renewed the authority', {
      secret: authorityName,
    });
    this.take(authority);
    return '';
  }

  private take(authority: Authority): void {
    if (JSON.stringify(authority) === JSON.stringify(this.held)) return;
    this.held = authority;
    this.options.onAuthority(authority);
  }
}

function collectionOf(namespace: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;
}
