// Exchanges of a listener that have no request. A connection borrows one for as long as it has a request, so that those
// that say nothing, which are most of many, hold none.

import type { ExchangeContext } from './context.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeOwner } from './owner.ts';
import type { ExchangeListener } from './request-state.ts';

/** Beyond these they go to the collector: a burst is no reason to keep its memory. */
export const idleExchangesMax = 512;

export class IdleExchanges {
  private readonly context: ExchangeContext;
  private readonly listener: ExchangeListener;
  private readonly idle: Exchange[] = [];
  private max = idleExchangesMax;

  constructor(context: ExchangeContext, listener: ExchangeListener) {
    this.context = context;
    this.listener = listener;
  }

  get count(): number {
    return this.idle.length;
  }

  /** For requests of `owner` alone, until it is given back. */
  take(owner: ExchangeOwner): Exchange {
    const exchange = this.idle.pop() ?? new Exchange(this.context, this.listener);
    exchange.serve(owner);
    return exchange;
  }

  /** Its last answer has left. One that still runs (a bug) is let go and given to nobody. */
  giveBack(exchange: Exchange): void {
    if (exchange.state === 'idle' && this.idle.length < this.max) {
      exchange.forget();
      this.idle.push(exchange);
    } else exchange.close();
  }

  /** The listener ends: nothing is kept, now or later. */
  close(): void {
    this.max = 0;
    for (const exchange of this.idle) exchange.close();
    this.idle.length = 0;
  }
}
