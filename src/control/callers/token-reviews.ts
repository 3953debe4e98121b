// Whose a Kubernetes token is, by asking the API server (TokenReview, authentication.k8s.io/v1): what it said is kept
// for a while by the token's hash, so that a thousand proxies that come back at once ask little; how often and how many
// at once is bounded, and while the API server is away nobody new is let in.

import { createHash } from 'node:crypto';
import { type Clock, fail, ok, type Result, Timer, type TimerHandler } from '../../base/index.ts';
import type { CallerRefusal } from '../../xds/index.ts';
import { fieldOf, type KubeApi, type KubeObject, textOf } from '../kubernetes/types.ts';
import { callerLimits } from './limits.ts';

/** What a token proves: an account, and the Pod that it was made for. */
export interface TokenHolder {
  readonly namespace: string;
  readonly account: string;
  readonly pod: { readonly name: string; readonly uid: string };
  /** The Pod's node; empty where the API server does not say (before Kubernetes 1.32). */
  readonly node: string;
}

export type Reviewed = Result<TokenHolder, CallerRefusal>;

export interface TokenReviewsOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  /** Whom the token must be meant for. */
  readonly audience: string;
}

interface Kept {
  readonly reviewed: Reviewed;
  readonly untilMs: number;
}

interface Waiting {
  readonly token: string;
  readonly hash: string;
  readonly peer: string;
  readonly sinceMs: number;
  readonly resolve: (reviewed: Reviewed) => void;
}

export class TokenReviews implements TimerHandler {
  /** Asked of the API server, answered from what is kept, and refused without asking because of a bound. */
  readonly counters = { asked: 0, kept: 0, shed: 0, failed: 0 };
  private readonly options: TokenReviewsOptions;
  private readonly proven = new Map<string, Kept>();
  private readonly refused = new Map<string, Kept>();
  private readonly running = new Map<string, Promise<Reviewed>>();
  private readonly queue: Waiting[] = [];
  private readonly byPeer = new Map<string, number>();
  private readonly timer = new Timer(this, 0);
  private asking = 0;
  private allowance: number = callerLimits.reviewsPerSecond * callerLimits.burstSeconds;
  private allowanceMs: number;
  /** Clock time before which the API server is not asked. */
  private pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: TokenReviewsOptions) {
    this.options = options;
    this.allowanceMs = options.clock.now();
  }

  /** At once where it is known; else within seconds. Never rejects. `peer`: the address that sent it. */
  review(token: string, peer: string): Reviewed | Promise<Reviewed> {
    if (token === '' || token.length > callerLimits.tokenCharsMax)
      return refuse('unauthenticated', 'this is no token');
    const hash = createHash('sha256').update(token).digest('base64');
    const kept = this.find(hash);
    if (kept !== null) {
      this.counters.kept++;
      return kept;
    }
    const running = this.running.get(hash);
    if (running !== undefined) return running;
    const own = this.byPeer.get(peer) ?? 0;
    if (this.queue.length >= callerLimits.waitingMax || own >= callerLimits.perPeerMax) {
      this.counters.shed++;
      return refuse('unavailable', 'too many tokens wait for their review');
    }
    this.byPeer.set(peer, own + 1);
    return this.wait(token, hash, peer);
  }

  onTimer(): void {
    this.goOn();
  }

  private wait(token: string, hash: string, peer: string): Promise<Reviewed> {
    const { promise, resolve } = Promise.withResolvers<Reviewed>();
    this.running.set(hash, promise);
    this.queue.push({ token, hash, peer, sinceMs: this.options.clock.now(), resolve });
    this.goOn();
    return promise;
  }

  private find(hash: string): Reviewed | null {
    const now = this.options.clock.now();
    for (const book of [this.proven, this.refused]) {
      const kept = book.get(hash);
      if (kept === undefined) continue;
      if (now < kept.untilMs) return kept.reviewed;
      book.delete(hash);
    }
    return null;
  }

  /** Asks for as many as may be asked now; the rest is looked at again when it may. */
  private goOn(): void {
    const { clock } = this.options;
    const now = clock.now();
    this.refill(now);
    while (this.queue[0] !== undefined) {
      const [first] = this.queue;
      if (now - first.sinceMs >= callerLimits.waitMs) this.shedFirst('its turn did not come');
      else if (now < this.pausedUntilMs) this.shedFirst('the API server does not answer');
      else if (this.asking >= callerLimits.reviewsAtOnceMax || this.allowance < 1) break;
      else {
        this.queue.shift();
        this.allowance -= 1;
        void this.ask(first);
      }
    }
    if (this.queue.length > 0) clock.arm(this.timer, 1_000 / callerLimits.reviewsPerSecond);
    else clock.cancel(this.timer);
  }

  private refill(now: number): void {
    const { reviewsPerSecond, burstSeconds } = callerLimits;
    const gained = ((now - this.allowanceMs) * reviewsPerSecond) / 1_000;
    this.allowance = Math.min(reviewsPerSecond * burstSeconds, this.allowance + gained);
    this.allowanceMs = now;
  }

  private shedFirst(why: string): void {
    const first = this.queue.shift();
    if (first === undefined) return;
    this.counters.shed++;
    this.settle(first, refuse('unavailable', `the token cannot be reviewed now: ${why}`));
  }

  private async ask(waiting: Waiting): Promise<void> {
    this.asking += 1;
    this.counters.asked++;
    const { api, clock, audience } = this.options;
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: waiting.token, audiences: [audience] },
    };
    const answer = await api.request({ method: 'POST', path: reviewPath, body });
    this.asking -= 1;
    if (!answer.ok || answer.value.status !== 201) {
      const reason = answer.ok ? `it answered ${answer.value.status}` : 'it did not answer';
      this.counters.failed++;
      this.pausedUntilMs = clock.now() + callerLimits.pauseMs;
      this.settle(waiting, refuse('unavailable', `the API server cannot review the token: ${reason}`));
    } else {
      const reviewed = readReview(answer.value.body, audience);
      this.keep(waiting, reviewed);
      this.settle(waiting, reviewed);
    }
    this.goOn();
  }

  private keep({ hash, token }: Waiting, reviewed: Reviewed): void {
    const { clock } = this.options;
    const { provenMs, provenMax, refusedMs, refusedMax } = callerLimits;
    const [book, max, ms] = reviewed.ok
      ? [this.proven, provenMax, Math.min(provenMs, expiryOf(token) - clock.wall())]
      : [this.refused, refusedMax, refusedMs];
    if (ms <= 0) return;
    const [oldest] = book.keys();
    if (book.size >= max && oldest !== undefined) book.delete(oldest);
    book.set(hash, { reviewed, untilMs: clock.now() + ms });
  }

  private settle({ hash, peer, resolve }: Waiting, reviewed: Reviewed): void {
    this.running.delete(hash);
    const own = (this.byPeer.get(peer) ?? 1) - 1;
    if (own > 0) this.byPeer.set(peer, own);
    else this.byPeer.delete(peer);
    resolve(reviewed);
  }
}

const reviewPath = '/apis/authentication.k8s.io/v1/tokenreviews';
const extraKey = 'authentication.kubernetes.io';

function readReview(review: KubeObject, audience: string): Reviewed {
  const status = fieldOf(review, 'status');
  if (fieldOf(status, 'authenticated') !== true) {
    const said = textOf(status, 'error').slice(0, 300);
    return refuse('unauthenticated', `the API server refuses the token${said === '' ? '' : `: ${said}`}`);
  }
  // An API server that knows nothing of audiences leaves them out, and has not looked.
  const audiences = fieldOf(status, 'audiences');
  if (!Array.isArray(audiences) || !audiences.includes(audience))
    return refuse('unauthenticated', `the token is not meant for ${audience}`);
  const [, namespace, account] =
    /^system:serviceaccount:([^:]+):([^:]+)$/.exec(textOf(status, 'user', 'username')) ?? [];
  const extra = (name: string): string => {
    const values = fieldOf(status, 'user', 'extra', `${extraKey}/${name}`);
    return Array.isArray(values) && typeof values[0] === 'string' ? values[0] : '';
  };
  if (namespace === undefined || account === undefined)
    return refuse('permission-denied', 'the token is of no service account');
  const [name, uid] = [extra('pod-name'), extra('pod-uid')];
  if (name === '' || uid === '')
    return refuse('permission-denied', 'the token is bound to no Pod; it must be a projected one');
  return ok({ namespace, account, pod: { name, uid }, node: extra('node-name') });
}

/** Unix milliseconds; of a token that the API server has accepted, so that its own word on it can be taken. */
function expiryOf(token: string): number {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const seconds = fieldOf(claims, 'exp');
    return typeof seconds === 'number' ? seconds * 1_000 : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function refuse(fault: CallerRefusal['fault'], reason: string): Result<never, CallerRefusal> {
  return fail({ fault, reason });
}
