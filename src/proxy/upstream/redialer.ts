// Endpoints out of reach are dialled in the background, so that no request has to find out that they are back; and one
// that owes an answer for too long is dialled once, so that no request has to find out that it is gone. A connection
// made here carries nothing and is closed when it is open. docs/decisions/0021.

import { type MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Socket } from '../../net/index.ts';
import { noteConnected, noteUnconnected, redialAfterMs } from '../../policy/index.ts';
import type { ClusterConfig } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';
import { proxyLimits } from '../limits.ts';
import type { ClusterStats } from '../stats/index.ts';
import type { Endpoint } from './endpoint.ts';
import type { Dial, DialHandler } from './racing-dial.ts';

/** The cluster, as who dials for it sees it. */
export interface RedialOwner {
  readonly context: ProxyContext;
  readonly config: ClusterConfig;
  readonly stats: ClusterStats;
  /** It is one of those chosen from, so that being out of reach matters. */
  maySpare(endpoint: Endpoint): boolean;
  reselect(): void;
}

export class Redialer {
  readonly owner: RedialOwner;
  /** Connections that are being made now. */
  dialling = 0;
  /** Null: every endpoint was within reach so far. */
  private running: Map<Endpoint, Redial> | null = null;

  constructor(owner: RedialOwner) {
    this.owner = owner;
  }

  /** A connection for requests did not come to be. */
  onFailed(endpoint: Endpoint, { code }: MeshError): void {
    // Who fails a handshake was reached; and without our own certificate nobody was asked.
    if (code === 'tls-failed' || !this.owner.maySpare(endpoint)) return;
    if (!noteUnconnected(endpoint, code === 'connect-timeout')) return;
    this.owner.stats.lostEndpoints += 1;
    this.owner.reselect();
    this.dial(endpoint);
  }

  /** A connection is open, whoever asked for it. */
  onOpened(endpoint: Endpoint): void {
    this.forget(endpoint);
    if (noteConnected(endpoint)) this.owner.reselect();
  }

  /** It let a request wait for too long: maybe nobody is there any more. */
  suspect(endpoint: Endpoint): void {
    const asking = this.running?.size ?? 0;
    if (asking < proxyLimits.redialsMax && this.owner.maySpare(endpoint)) this.dial(endpoint);
  }

  forget(endpoint: Endpoint): void {
    this.running?.get(endpoint)?.stop();
    this.running?.delete(endpoint);
  }

  stop(): void {
    for (const redial of this.running?.values() ?? []) redial.stop();
    this.running?.clear();
  }

  private dial(endpoint: Endpoint): void {
    this.running ??= new Map();
    if (this.running.has(endpoint)) return;
    this.running.set(endpoint, new Redial(this, endpoint));
  }
}

/** waiting -> dialling -> waiting, until a connection opens or nobody asks any more. */
class Redial implements DialHandler, TimerHandler {
  private readonly redialer: Redialer;
  private readonly endpoint: Endpoint;
  private readonly timer = new Timer(this, 0);
  private dialled: Dial | null = null;
  private tries = 0;
  private silent = false;
  private over = false;

  constructor(redialer: Redialer, endpoint: Endpoint) {
    this.redialer = redialer;
    this.endpoint = endpoint;
    this.wait();
  }

  stop(): void {
    this.over = true;
    this.redialer.owner.context.clock.cancel(this.timer);
    this.endDial()?.reset();
  }

  onTimer(): void {
    if (this.dialled === null) this.begin();
    else {
      this.silent = true;
      this.dialled.reset();
    }
  }

  onOpen(socket: Socket): void {
    const { endpoint, redialer } = this;
    this.over = true;
    this.endDial();
    redialer.owner.context.clock.cancel(this.timer);
    socket.end();
    redialer.onOpened(endpoint);
  }

  onData(): void {}

  onDrain(): void {}

  onEnd(): void {}

  onClose(_socket: Socket | null, error: MeshError | null): void {
    if (this.over) return;
    this.endDial();
    const { endpoint, redialer } = this;
    const { owner } = redialer;
    owner.context.clock.cancel(this.timer);
    // Somebody answered: what is wrong with a handshake is for requests to be told.
    if (error?.code === 'tls-failed') redialer.onOpened(endpoint);
    else if (endpoint.unreachable) this.wait();
    else if (noteUnconnected(endpoint, this.silent)) {
      owner.stats.lostEndpoints += 1;
      owner.reselect();
      this.wait();
    } else redialer.forget(endpoint);
  }

  private wait(): void {
    const { clock, random } = this.redialer.owner.context;
    clock.arm(this.timer, redialAfterMs(this.tries, random));
  }

  private begin(): void {
    const { endpoint, redialer } = this;
    const { config, context, stats } = redialer.owner;
    this.tries += 1;
    // Others are at it: this one's turn comes.
    if (redialer.dialling >= proxyLimits.redialsMax) {
      this.wait();
      return;
    }
    this.silent = false;
    const dialled = endpoint.dial('configured', null, null, this);
    if (!('reset' in dialled)) {
      this.wait();
      return;
    }
    redialer.dialling += 1;
    stats.redials += 1;
    this.dialled = dialled;
    context.clock.arm(
      this.timer,
      config.connectTimeoutMs > 0 ? config.connectTimeoutMs : proxyLimits.redialMs,
    );
  }

  private endDial(): Dial | null {
    const { dialled } = this;
    this.dialled = null;
    if (dialled !== null) this.redialer.dialling -= 1;
    return dialled;
  }
}
