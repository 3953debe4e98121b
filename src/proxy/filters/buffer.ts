// envoy.filters.http.buffer: a request goes on when it is here as a whole, so that an application that can serve few at
// a time never waits for a slow client. What is longer than the limit is refused.

import { headerId } from '../../wire/index.ts';
import type { ListenerFilterConfig } from '../config/filter-types.ts';
import type { Authorizer, Denial, RequestState, Waiter } from '../exchange/index.ts';
import { configFor, denial, type HttpFilter } from './filter.ts';

const tooLarge = denial(413, 'Payload Too Large', 'request_payload_too_large');

export class BufferFilter implements HttpFilter, Authorizer, Waiter {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = null;
  private readonly filter: ListenerFilterConfig;

  constructor(filter: ListenerFilterConfig) {
    this.name = filter.name;
    this.filter = filter;
  }

  samples() {
    return [];
  }

  authorize(request: RequestState): 'allow' | 'wait' | Denial {
    const config = configFor(request, this.filter, 'buffer');
    request.waiter = null;
    if (config === null) return 'allow';
    // What is here as a whole without having been waited for never had a body.
    if (request.requestEnded && request.body.length === 0) return 'allow';
    if (request.body.length > config.bytesMax || declaredLength(request) > config.bytesMax) return tooLarge;
    if (!request.requestEnded) {
      request.heldBytesMax = config.bytesMax;
      request.waiter = this;
      return 'wait';
    }
    if (request.head.find(headerId['content-length']) < 0)
      request.head.add('content-length', `${request.body.length}`);
    return 'allow';
  }

  onHeldBody(request: RequestState): void {
    const config = configFor(request, this.filter, 'buffer');
    if (config !== null && request.body.length > config.bytesMax) request.machine.proceed();
  }

  onHeldEnd(request: RequestState): void {
    request.machine.proceed();
  }

  onAbandoned(): void {}
}

/** What is said to be too long need not be waited for. */
function declaredLength(request: RequestState): number {
  return request.requestTransform === null ? Number(request.head.get(headerId['content-length']) ?? 0) : 0;
}
