import { describe, expect, test } from 'bun:test';
import { MeshError, ok, type Result, VirtualClock } from '../../base/index.ts';
import type { KubeAnswer, KubeApi, KubeObject, KubeRequest } from '../kubernetes/types.ts';
import { callerLimits } from './limits.ts';
import { type Reviewed, TokenReviews } from './token-reviews.ts';

/** Answers when the test says so, from a table of tokens. */
class Reviewer implements KubeApi {
  readonly asked: string[] = [];
  readonly open: (() => void)[] = [];
  statuses = new Map<string, KubeObject>();
  http = 201;
  up = true;

  request({ body }: KubeRequest): Promise<Result<KubeAnswer, MeshError>> {
    const spec = body?.['spec'] as { readonly token: string; readonly audiences: readonly string[] };
    this.asked.push(`${spec.token} for ${spec.audiences}`);
    return new Promise((resolve) => {
      this.open.push(() => {
        const away = new MeshError('connect-refused', 'upstream', 'yes', 'refused');
        const status = this.statuses.get(spec.token) ?? {
          authenticated: false,
          error: 'invalid bearer token',
        };
        resolve(
          this.up ? ok({ status: this.http, body: { status }, retryAfterMs: 0 }) : { ok: false, error: away },
        );
      });
    });
  }

  watch(): () => void {
    return () => {};
  }

  async answerAll(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) {
      for (const answer of this.open.splice(0)) answer();
      await Promise.resolve();
    }
  }
}

function statusOf(more: KubeObject = {}): KubeObject {
  const extra = {
    'authentication.kubernetes.io/pod-name': ['web-1'],
    'authentication.kubernetes.io/pod-uid': ['uid-1'],
    'authentication.kubernetes.io/node-name': ['node-1'],
  };
  const user = { username: 'system:serviceaccount:shop:web', extra };
  return { authenticated: true, audiences: ['weft'], user, ...more };
}

function create() {
  const clock = new VirtualClock();
  const api = new Reviewer();
  return { clock, api, reviews: new TokenReviews({ api, clock, audience: 'weft' }) };
}

async function settled(api: Reviewer, pending: Reviewed | Promise<Reviewed>): Promise<Reviewed> {
  await api.answerAll();
  return await pending;
}

const refusal = (fault: string, reason: string) => ({ ok: false, error: { fault, reason } }) as never;

describe('what a review proves', () => {
  test('the account and the Pod that the token was made for', async () => {
    const { api, reviews } = create();
    api.statuses.set('good', statusOf());
    expect(await settled(api, reviews.review('good', '10.0.0.1'))).toEqual(
      ok({ namespace: 'shop', account: 'web', pod: { name: 'web-1', uid: 'uid-1' }, node: 'node-1' }),
    );
    expect(api.asked).toEqual(['good for weft']);
  });

  test.each<[string, KubeObject, string, string]>([
    [
      'a token that is none',
      { authenticated: false, error: 'token has expired' },
      'unauthenticated',
      'the API server refuses the token: token has expired',
    ],
    [
      'one for somebody else',
      statusOf({ audiences: ['https://kubernetes.default.svc'] }),
      'unauthenticated',
      'the token is not meant for weft',
    ],
    [
      'an API server that has not looked at the audience',
      statusOf({ audiences: undefined }),
      'unauthenticated',
      'the token is not meant for weft',
    ],
    [
      'a person',
      statusOf({ user: { username: 'alice' } }),
      'permission-denied',
      'the token is of no service account',
    ],
    [
      'an account without a Pod',
      statusOf({ user: { username: 'system:serviceaccount:shop:web' } }),
      'permission-denied',
      'the token is bound to no Pod; it must be a projected one',
    ],
  ])('%s', async (_name, status, fault, reason) => {
    const { api, reviews } = create();
    api.statuses.set('token', status);
    expect(await settled(api, reviews.review('token', ''))).toEqual(refusal(fault, reason));
  });

  test('what cannot be a token is not asked about', () => {
    const { api, reviews } = create();
    for (const token of ['', 'a'.repeat(callerLimits.tokenCharsMax + 1)])
      expect(reviews.review(token, '')).toEqual(refusal('unauthenticated', 'this is no token'));
    expect(api.asked).toEqual([]);
  });
});

describe('what is kept', () => {
  test('a proven token for a while, and those who ask at once share one review', async () => {
    const { clock, api, reviews } = create();
    api.statuses.set('good', statusOf());
    const both = [reviews.review('good', 'a'), reviews.review('good', 'b')];
    await api.answerAll();
    expect((await Promise.all(both)).map(({ ok: is }) => is)).toEqual([true, true]);
    clock.advanceBy(callerLimits.provenMs - 1);
    expect(reviews.review('good', 'a')).toMatchObject({ ok: true });
    expect(api.asked.length).toBe(1);
    clock.advanceBy(1);
    expect(reviews.review('good', 'a')).toBeInstanceOf(Promise);
    expect(api.asked.length).toBe(2);
  });

  test('not beyond its own expiry', async () => {
    const { clock, api, reviews } = create();
    const claims = Buffer.from(JSON.stringify({ exp: clock.wall() / 1000 + 60 })).toString('base64url');
    const token = `head.${claims}.signature`;
    api.statuses.set(token, statusOf());
    await settled(api, reviews.review(token, ''));
    clock.advanceBy(59_000);
    expect(reviews.review(token, '')).toMatchObject({ ok: true });
    clock.advanceBy(1_001);
    expect(reviews.review(token, '')).toBeInstanceOf(Promise);
  });

  test('a refused one shortly; many of them push out none that is proven', async () => {
    const { clock, api, reviews } = create();
    api.statuses.set('good', statusOf());
    await settled(api, reviews.review('good', 'good'));
    for (let index = 0; index < callerLimits.refusedMax + 10; index++) {
      const pending = reviews.review(`bad-${index}`, 'bad');
      clock.advanceBy(5);
      expect(await settled(api, pending)).toMatchObject({ error: { fault: 'unauthenticated' } });
    }
    const { asked } = reviews.counters;
    expect(reviews.review('good', 'good')).toMatchObject({ ok: true });
    expect(reviews.review(`bad-${callerLimits.refusedMax}`, 'bad')).toMatchObject({ ok: false });
    expect(reviews.counters.asked).toBe(asked);
    clock.advanceBy(callerLimits.refusedMs);
    expect(reviews.review(`bad-${callerLimits.refusedMax}`, 'bad')).toBeInstanceOf(Promise);
  });
});

describe('bounds', () => {
  test('so many are asked at once, and one peer has so many places', async () => {
    const { api, reviews } = create();
    const pending = Array.from({ length: callerLimits.perPeerMax }, (_, index) =>
      reviews.review(`t${index}`, 'a'),
    );
    expect(api.asked.length).toBe(callerLimits.reviewsAtOnceMax);
    const more = refusal('unavailable', 'too many tokens wait for their review');
    expect(reviews.review('more', 'a')).toEqual(more);
    expect(reviews.review('other', 'b')).toBeInstanceOf(Promise);
    for (let turn = 0; turn < 10; turn++) await api.answerAll();
    for (const one of pending) expect(await one).toMatchObject({ error: { fault: 'unauthenticated' } });
    expect(reviews.review('more', 'a')).toBeInstanceOf(Promise);
  });

  test('so many in a second', async () => {
    const { clock, api, reviews } = create();
    const { reviewsPerSecond, burstSeconds } = callerLimits;
    for (let index = 0; index < reviewsPerSecond * (burstSeconds + 1); index++) {
      void reviews.review(`t${index}`, `peer-${index}`);
      await api.answerAll();
    }
    expect(api.asked.length).toBe(reviewsPerSecond * burstSeconds);
    clock.advanceBy(500);
    for (let turn = 0; turn < 20; turn++) await api.answerAll();
    expect(api.asked.length).toBe(reviewsPerSecond * burstSeconds + reviewsPerSecond / 2);
  });

  test('who waits too long is told to come again', async () => {
    const { clock, api, reviews } = create();
    for (let index = 0; index < callerLimits.reviewsAtOnceMax; index++)
      void reviews.review(`t${index}`, `${index}`);
    const waiting = reviews.review('late', 'late');
    clock.advanceBy(callerLimits.waitMs + 10);
    expect(await waiting).toEqual(
      refusal('unavailable', 'the token cannot be reviewed now: its turn did not come'),
    );
    expect(api.asked).not.toContain('late for weft');
  });

  test('while the API server is away nobody passes, and it is asked once in a while', async () => {
    const { clock, api, reviews } = create();
    api.statuses.set('good', statusOf());
    await settled(api, reviews.review('good', ''));
    clock.advanceBy(callerLimits.provenMs);
    api.up = false;
    expect(await settled(api, reviews.review('good', ''))).toEqual(
      refusal('unavailable', 'the API server cannot review the token: it did not answer'),
    );
    expect(await reviews.review('good', '')).toEqual(
      refusal('unavailable', 'the token cannot be reviewed now: the API server does not answer'),
    );
    expect(api.asked.length).toBe(2);
    api.up = true;
    clock.advanceBy(callerLimits.pauseMs);
    expect(await settled(api, reviews.review('good', ''))).toMatchObject({ ok: true });
    api.http = 403;
    clock.advanceBy(callerLimits.provenMs);
    expect(await settled(api, reviews.review('good', ''))).toEqual(
      refusal('unavailable', 'the API server cannot review the token: it answered 403'),
    );
  });
});
