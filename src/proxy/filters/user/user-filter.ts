// A filter of the user's own as a member of a chain. What its code throws ends in an answer, never in the proxy: the
// request is refused with 500, or goes on where the configuration says so, and is counted.

import { copyBytes, Timer, type TimerHandler } from '../../../base/index.ts';
import { fieldValueFault } from '../../../policy/index.ts';
import { headerId, type ResponseHead } from '../../../wire/index.ts';
import type { ListenerFilterConfig, UserFilterConfig } from '../../config/filter-types.ts';
import {
  type Answerer,
  type Authorizer,
  type BodyTransform,
  type Denial,
  type RequestState,
  TransformError,
  type Waiter,
} from '../../exchange/index.ts';
import type { FilterSample } from '../../stats/index.ts';
import { configFor, denial, type HttpFilter } from '../filter.ts';
import type { BodyRewriter, FilterHandler, FilterReply } from './api.ts';
import { messageOf, placeOf } from './user-filters.ts';
import { Lease, RequestView, ResponseView } from './views.ts';

const tooLarge = denial(413, 'Payload Too Large', 'request_payload_too_large');
const failed = denial(500, 'internal error', 'user_filter_failed');

export class UserFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  readonly counts = { passed: 0, answered: 0, failed: 0 };
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
  }

  *samples(): Iterable<FilterSample> {
    for (const [outcome, value] of Object.entries(this.counts))
      yield { name: 'weft_user_filter_total', value, labels: { filter: this.name, outcome } };
  }

  authorize(request: RequestState): 'allow' | 'wait' | Denial {
    const running = request.slots[this.position];
    if (running instanceof Run) return running.goOn();
    const config = configFor(request, this.filter, 'user');
    if (config === null) return 'allow';
    const handler = request.context.userFilters.find(config);
    if (handler === null) return this.fail(request, config, new Error('it is not loaded'));
    const run = new Run(this, request, config, handler);
    request.slots[this.position] = run;
    return run.goOn();
  }

  onAnswer(request: RequestState, head: ResponseHead, endStream: boolean): Denial | null {
    const run = request.slots[this.position];
    return run instanceof Run ? run.answer(head, endStream) : null;
  }

  /** Closed, unless the configuration says otherwise. */
  fail(request: RequestState, { filter, passesErrors }: UserFilterConfig, error: unknown): 'allow' | Denial {
    this.counts.failed += 1;
    request.context.log.write('warn', 'a filter failed', {
      filter,
      error: messageOf(error),
      at: placeOf(error),
    });
    return passesErrors ? 'allow' : failed;
  }
}

/** One request's way through it: holding (the body) -> running (a promise) -> done. */
class Run implements Waiter, TimerHandler {
  private state: 'holding' | 'running' | 'done' = 'holding';
  private outcome: 'allow' | Denial = 'allow';
  private readonly filter: UserFilter;
  private readonly request: RequestState;
  private readonly config: UserFilterConfig;
  private readonly handler: FilterHandler;
  private readonly lease = new Lease();
  private readonly view: RequestView;
  private readonly timer = new Timer(this, 0);

  constructor(filter: UserFilter, request: RequestState, config: UserFilterConfig, handler: FilterHandler) {
    this.filter = filter;
    this.request = request;
    this.config = config;
    this.handler = handler;
    this.view = new RequestView(request, this.lease, config.filter);
  }

  goOn(): 'allow' | 'wait' | Denial {
    const { request } = this;
    request.waiter = null;
    if (this.state === 'done') return this.outcome;
    const bytesMax = this.handler.holdBodyBytes ?? 0;
    if (bytesMax > 0) {
      if (request.body.length > bytesMax) return tooLarge;
      if (!request.requestEnded) {
        request.heldBytesMax = bytesMax;
        request.waiter = this;
        return 'wait';
      }
      this.view.body = request.body.copy(request.body.length);
    }
    return this.run();
  }

  onHeldBody(request: RequestState): void {
    if (request.body.length > (this.handler.holdBodyBytes ?? 0)) request.machine.proceed();
  }

  onHeldEnd(request: RequestState): void {
    if (this.state === 'holding') request.machine.proceed();
  }

  onAbandoned(): void {
    this.end('allow');
  }

  onTimer(): void {
    this.resume(() => this.filter.fail(this.request, this.config, new Error('it took too long')));
  }

  answer(head: ResponseHead, endStream: boolean): Denial | null {
    const { handler, lease, request, view } = this;
    if (this.state !== 'done' || (handler.onResponse ?? handler.rewriteResponse) === undefined) return null;
    lease.open = true;
    try {
      const response = new ResponseView(head, lease);
      const reply = handler.onResponse?.(response, view);
      if (reply !== undefined) return this.reply(reply);
      const rewriter = endStream ? undefined : handler.rewriteResponse?.(response, view);
      if (rewriter !== undefined) {
        head.remove(headerId['content-length']);
        request.transformResponse(new Rewriting(rewriter));
      }
      return null;
    } catch (error) {
      const outcome = this.filter.fail(request, this.config, error);
      return outcome === 'allow' ? null : outcome;
    } finally {
      lease.open = false;
    }
  }

  private run(): 'allow' | 'wait' | Denial {
    const { filter, handler, request } = this;
    try {
      const result = handler.onRequest?.(this.view);
      if (!(result instanceof Promise)) return this.end(this.settle(result));
      this.state = 'running';
      request.waiter = this;
      request.context.clock.arm(this.timer, this.config.timeoutMs);
      result.then(
        (reply) => this.resume(() => this.settle(reply)),
        (error: unknown) => this.resume(() => filter.fail(request, this.config, error)),
      );
      return 'wait';
    } catch (error) {
      return this.end(filter.fail(request, this.config, error));
    }
  }

  /** A promise is done; the request may be over meanwhile. */
  private resume(outcomeOf: () => 'allow' | Denial): void {
    const { request } = this;
    if (this.state !== 'running') return;
    let outcome: 'allow' | Denial;
    try {
      outcome = outcomeOf();
    } catch (error) {
      outcome = this.filter.fail(request, this.config, error);
    }
    this.end(outcome);
    request.machine.proceed();
  }

  private end(outcome: 'allow' | Denial): 'allow' | Denial {
    this.state = 'done';
    this.outcome = outcome;
    this.lease.open = false;
    this.request.context.clock.cancel(this.timer);
    return outcome;
  }

  private settle(reply: FilterReply | undefined): 'allow' | Denial {
    const { filter, handler, request, view } = this;
    if (reply !== undefined) return this.reply(reply);
    const hasBody = !request.requestEnded || request.body.length > 0;
    const rewriter = hasBody ? handler.rewriteRequest?.(view) : undefined;
    if (rewriter !== undefined) {
      request.head.remove(headerId['content-length']);
      request.transformRequest(new Rewriting(rewriter));
    }
    filter.counts.passed += 1;
    return 'allow';
  }

  private reply({ status, body = '', headers = {} }: FilterReply): Denial {
    if (!Number.isInteger(status) || status < 200 || status > 599)
      throw new TypeError(`status must be 200 to 599, not ${status}`);
    const fields = Object.entries(headers).map(([name, value]) => {
      const fault = fieldValueFault(value);
      if (fault !== null) throw new TypeError(`${name} ${fault}`);
      return [name.toLowerCase(), value] as const;
    });
    this.filter.counts.answered += 1;
    return denial(status, body, 'user_filter_reply', '', fields);
  }
}

class Rewriting implements BodyTransform {
  private readonly rewriter: BodyRewriter;

  constructor(rewriter: BodyRewriter) {
    this.rewriter = rewriter;
  }

  write(bytes: Uint8Array, start: number, end: number): Uint8Array {
    return this.guard(() => this.rewriter.write(copyBytes(bytes, start, end)));
  }

  end(): Uint8Array {
    return this.guard(() => this.rewriter.end());
  }

  close(): void {}

  private guard(make: () => Uint8Array): Uint8Array {
    try {
      const made = make();
      // The user's own memory, who may use it for the next piece.
      if (made instanceof Uint8Array) return copyBytes(made, 0, made.length);
    } catch (error) {
      throw new TransformError(`a filter failed: ${messageOf(error)}`);
    }
    throw new TransformError('a filter failed: it made no bytes');
  }
}
