// The real API server, over the runtime's fetch: watches as lines of JSON. What comes back is bounded, and every
// failure is a value.

import { type Clock, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import { brokenError, Caller, type CallerOptions, readAnswer } from './caller.ts';
import { JsonLines } from './json-lines.ts';
import { kubeLimits } from './limits.ts';
import {
  isRecord,
  type KubeAnswer,
  type KubeApi,
  type KubeObject,
  type WatchEventType,
  type WatchReceiver,
} from './types.ts';

export function createFetchApi(options: CallerOptions): KubeApi {
  return createCallerApi(new Caller(options), options.clock);
}

export function createCallerApi(caller: Caller, clock: Clock): KubeApi {
  return {
    request: (request) => caller.request(request),
    watch: (path, receiver) => new FetchWatch(caller, clock, path, receiver).start(),
  };
}

const eventTypes: ReadonlySet<string> = new Set<WatchEventType>([
  'ADDED',
  'MODIFIED',
  'DELETED',
  'BOOKMARK',
  'ERROR',
]);

class FetchWatch implements TimerHandler {
  private readonly caller: Caller;
  private readonly clock: Clock;
  private readonly path: string;
  private readonly abort = new AbortController();
  private readonly silent: Timer;
  private receiver: WatchReceiver | null;

  constructor(caller: Caller, clock: Clock, path: string, receiver: WatchReceiver) {
    this.caller = caller;
    this.clock = clock;
    this.path = path;
    this.receiver = receiver;
    this.silent = new Timer(this, 0);
  }

  start(): () => void {
    void this.run();
    return () => this.stop();
  }

  onTimer(): void {
    const message = `the watch ${this.path} said nothing for ${kubeLimits.watchSilentMs / 1000} s`;
    this.end(null, new MeshError('idle-timeout', 'upstream', 'yes', message));
  }

  private async run(): Promise<void> {
    this.clock.arm(this.silent, kubeLimits.watchSilentMs);
    const response = await this.caller.open({ method: 'GET', path: this.path }, this.abort.signal);
    if (!response.ok) return this.end(null, response.error);
    if (response.value.status !== 200) {
      const answer = await readAnswer(response.value, this.path);
      return answer.ok ? this.end(answer.value, null) : this.end(null, answer.error);
    }
    try {
      const lines = new JsonLines(kubeLimits.eventBytesMax);
      for await (const chunk of response.value.body ?? []) {
        if (this.receiver === null) return;
        this.clock.arm(this.silent, kubeLimits.watchSilentMs);
        for (const value of lines.push(chunk)) this.tell(value);
      }
      this.end(null, null);
    } catch (cause) {
      this.end(null, brokenError(this.path, cause));
    }
  }

  private tell(value: unknown): void {
    const { type, object } = isRecord(value) ? value : ({} as KubeObject);
    if (typeof type !== 'string' || !eventTypes.has(type) || !isRecord(object)) return;
    this.receiver?.onEvent(type as WatchEventType, object);
  }

  private end(status: KubeAnswer | null, error: MeshError | null): void {
    const receiver = this.receiver;
    this.stop();
    receiver?.onEnd(status, error);
  }

  private stop(): void {
    this.receiver = null;
    this.clock.cancel(this.silent);
    this.abort.abort();
  }
}
