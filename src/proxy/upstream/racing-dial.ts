// One connection to an endpoint that has several addresses: the next one is tried when the one before it fails, or has
// said nothing for a while, and the first that is there (and secure, where that is asked for) is the connection (RFC
// 8305, "happy eyeballs"; the order and the delay are Envoy's).

import { MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Address, ConnectOptions, Socket, SocketHandler } from '../../net/index.ts';
import type { DialOrder } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';

/** What a connection needs of its socket before it is open. */
export interface Dial {
  readonly local?: Address;
  reset(): void;
}

/** Whose connection it will be: called as a handler is, but for a socket that never was. */
export interface DialHandler extends SocketHandler {
  onClose(socket: Socket | null, error: MeshError | null): void;
}

const nextAfterMs = 300;

/**
 * Of the family of the first address, or as it is said, `firstCount` and then one of the other, again and again; those
 * of a family in their order.
 */
export function orderAddresses(addresses: readonly Address[], order: DialOrder): readonly Address[] {
  const [first] = addresses;
  if (first === undefined) return [];
  const firstFamily = order.firstFamily === 'default' ? familyOf(first) : order.firstFamily;
  const preferred = addresses.filter((address) => familyOf(address) === firstFamily);
  const others = addresses.filter((address) => familyOf(address) !== firstFamily);
  const ordered: Address[] = [];
  while (preferred.length > 0 || others.length > 0)
    ordered.push(...preferred.splice(0, order.firstCount), ...others.splice(0, 1));
  return ordered;
}

function familyOf(address: Address): 'v4' | 'v6' | 'unix' {
  if (address.kind === 'unix') return 'unix';
  return address.host.includes(':') ? 'v6' : 'v4';
}

export class RacingDial implements Dial, TimerHandler {
  private readonly context: ProxyContext;
  private readonly addresses: readonly Address[];
  private readonly optionsFor: (address: Address) => ConnectOptions | MeshError;
  private readonly handler: DialHandler;
  private readonly timer = new Timer(this, 0);
  /** Those that were not given up. */
  private readonly running = new Map<Runner, Socket>();
  private next = 0;
  private over = false;
  private failure: MeshError | null = null;

  /** What comes of it is told later. */
  constructor(
    context: ProxyContext,
    addresses: readonly Address[],
    optionsFor: (address: Address) => ConnectOptions | MeshError,
    handler: DialHandler,
  ) {
    this.context = context;
    this.addresses = addresses;
    this.optionsFor = optionsFor;
    this.handler = handler;
    this.startNext();
  }

  /** Gives all of them up; `onClose` follows. */
  reset(): void {
    if (this.over) return;
    this.next = this.addresses.length;
    this.context.clock.cancel(this.timer);
    for (const socket of [...this.running.values()]) socket.reset();
  }

  onTimer(): void {
    if (this.over) return;
    if (this.next < this.addresses.length) this.startNext();
    else if (this.running.size === 0) this.end();
  }

  onWon(runner: Runner, socket: Socket): void {
    this.over = true;
    this.context.clock.cancel(this.timer);
    this.running.delete(runner);
    const losers = [...this.running.values()];
    this.running.clear();
    for (const loser of losers) loser.reset();
    socket.setHandler(this.handler);
    this.handler.onOpen(socket);
  }

  onLost(runner: Runner, error: MeshError | null): void {
    if (!this.running.delete(runner) || this.over) return;
    this.failure = error ?? this.failure;
    if (this.next < this.addresses.length) this.startNext();
    else if (this.running.size === 0) this.end();
  }

  private startNext(): void {
    const address = this.addresses[this.next];
    if (address === undefined) return;
    this.next += 1;
    const { clock, network } = this.context;
    const options = this.optionsFor(address);
    if (options instanceof MeshError) {
      // Without what it takes for one, there is none for the others: told in a moment, as every outcome.
      this.failure = options;
      this.next = this.addresses.length;
      clock.arm(this.timer, 0);
      return;
    }
    const runner = new Runner(this);
    this.running.set(runner, network.connect(address, runner, options));
    if (this.next < this.addresses.length) clock.arm(this.timer, nextAfterMs);
    else clock.cancel(this.timer);
  }

  private end(): void {
    this.over = true;
    this.context.clock.cancel(this.timer);
    this.handler.onClose(null, this.failure);
  }
}

/** One address of the race. */
class Runner implements SocketHandler {
  private readonly race: RacingDial;
  private won = false;

  constructor(race: RacingDial) {
    this.race = race;
  }

  onOpen(socket: Socket): void {
    this.won = true;
    this.race.onWon(this, socket);
  }

  onData(): void {}

  onDrain(): void {}

  onEnd(): void {}

  onClose(_socket: Socket, error: MeshError | null): void {
    if (!this.won) this.race.onLost(this, error);
  }
}
