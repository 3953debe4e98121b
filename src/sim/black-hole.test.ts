import { expect, setDefaultTimeout, test } from 'bun:test';
import { Xoshiro128 } from '../base/index.ts';
import { effortTimeoutMs, runs } from '../testing/effort.ts';
import { playBlackHole } from './index.ts';

setDefaultTimeout(effortTimeoutMs);

/** An attempt waits 1 s at most, then a connection made to see waits 1 s. */
const findOutMs = 2100;

for (const speech of ['http1', 'http2', 'grpc'] as const) {
  for (let seed = 1; seed <= runs(2); seed++) {
    test(`requests notice nodes that vanish once and not again, over ${speech}, seed ${seed}`, async () => {
      const random = new Xoshiro128(BigInt(seed));
      const replicas = 2 + random.below(5);
      const vanish = 1 + random.below(replicas - 1);
      const requestsPerSecond = 20 + random.below(80);
      const report = await playBlackHole({ seed, replicas, vanish, requestsPerSecond, speech });
      const context = { replicas, vanish, requestsPerSecond, report };
      // Of the requests sent until it is known, those that chance sends there, and once more for retries.
      const share = (requestsPerSecond * findOutMs * vanish) / (1000 * replicas);
      expect({ ...context, late: report.noticedAtMs.filter((atMs) => atMs > findOutMs) }).toEqual({
        ...context,
        late: [],
      });
      expect(report.noticedAtMs.length).toBeLessThanOrEqual(share * 1.5 + 10);
      // Otherwise there was nothing to see.
      expect(report.noticedAtMs.length).toBeGreaterThan(0);
      expect(report.lost).toEqual([vanish, 0]);
      expect(report.servedAgain).toBeGreaterThan(0);
      expect(report.requests).toBeGreaterThan(500);
    });
  }
}
