// What must hold in every run, whatever was broken in it. Each checker returns sentences about what does not; none: it
// holds.

import type { ControlPlane } from '../control/index.ts';
import type { Proxy as MeshProxy } from '../proxy/index.ts';
import type { XdsResource } from '../xds/index.ts';
import type { RequestRecord } from './request-book.ts';
import type { Troubles } from './troubles.ts';

export type Violations = readonly string[];

/** Every request was answered, once, and completely or with an error that its caller saw. */
export function checkAnswers(records: readonly RequestRecord[]): Violations {
  return records.flatMap((record) => {
    if (record.endMs < 0) return [`request ${record.id} was lost: neither an answer nor an error`];
    if (record.answers > 1) return [`request ${record.id} was answered ${record.answers} times`];
    if (record.answers === 0) return [`request ${record.id} got no answer, its connection broke`];
    return record.broken > 0 ? [`the answer to request ${record.id} was cut off`] : [];
  });
}

/** What may not be repeated ran at most once, and what was answered with success did run. */
export function checkExecutions(records: readonly RequestRecord[]): Violations {
  return records.flatMap((record) => {
    if (!record.repeatable && record.executions > 1)
      return [`request ${record.id}, not repeatable, ran ${record.executions} times`];
    return record.status === 200 && record.executions === 0
      ? [`request ${record.id} was answered 200 and never ran`]
      : [];
  });
}

/**
 * A request that may be repeated succeeds as long as not everything that could answer it is broken: for a known time,
 * or, as the network happened to behave, while this request was open.
 */
export function checkSuccess(
  records: readonly RequestRecord[],
  allBroken: { readonly fromMs: number; readonly untilMs: number },
  troubles: Pick<Troubles, 'coversAll'> | null = null,
): Violations {
  return records.flatMap((record) => {
    const excused = record.sentMs <= allBroken.untilMs && record.endMs >= allBroken.fromMs;
    if (excused || !record.repeatable || record.answers !== 1 || record.status < 500) return [];
    if (troubles?.coversAll(record.sentMs, record.endMs) === true) return [];
    return [
      `request ${record.id}, repeatable, failed with ${record.status} while others could have served it`,
    ];
  });
}

/** Requests and retries of one cluster of one proxy, as counted up to a time. */
export interface RetrySample {
  readonly atMs: number;
  readonly requests: number;
  readonly retries: number;
}

export interface RetryBound {
  readonly percent: number;
  readonly intervalMs: number;
  readonly minRetriesPerSecond: number;
}

/**
 * In every window of the interval's length, retries stay below the share of the requests that the budget may have
 * counted, or the floor. The budget counts in buckets, so the requests of a window half as long before it may count
 * too.
 */
export function checkRetryBudget(samples: readonly RetrySample[], bound: RetryBound): Violations {
  const { percent, intervalMs, minRetriesPerSecond } = bound;
  for (let end = 0; end < samples.length; end++) {
    const last = samples[end]!;
    const first = samples.findLast((sample) => sample.atMs <= last.atMs - intervalMs) ?? samples[0]!;
    const before = samples.findLast((sample) => sample.atMs <= last.atMs - intervalMs * 1.5) ?? samples[0]!;
    const share = ((last.requests - before.requests) * percent) / 100;
    const floor = minRetriesPerSecond * ((last.atMs - first.atMs) / 1000 + 1);
    const retries = last.retries - first.retries;
    if (retries > share + floor)
      return [`${retries} retries in the ${intervalMs} ms before ${last.atMs}, at most ${share} + ${floor}`];
  }
  return [];
}

/** What callers had sent and what each service had received up to a time. */
export interface LoadSample {
  readonly atMs: number;
  readonly requests: number;
  readonly received: ReadonlyMap<string, number>;
}

/**
 * Retries of several hops do not multiply: in every window a service receives what callers sent and one budget's share
 * of it on top, however deep in the chain it stands. Counted as {@link checkRetryBudget} does.
 */
export function checkAmplification(samples: readonly LoadSample[], bound: RetryBound): Violations {
  const last = samples.at(-1);
  return [...(last?.received.keys() ?? [])].flatMap((service) => {
    const extra = samples.map(({ atMs, requests, received }) => ({
      atMs,
      requests,
      retries: (received.get(service) ?? 0) - requests,
    }));
    return checkRetryBudget(extra, bound).map((text) => `${service}: ${text}`);
  });
}

/** Every proxy holds what the control plane last published for it, byte for byte, and refused nothing. */
export function checkConfiguration(name: string, proxy: MeshProxy, control: ControlPlane): Violations {
  const { node } = proxy.config.bootstrap;
  const published = control.snapshots.sourceFor(node).current();
  if (published === null) return [`${name}: the control plane has nothing for it`];
  const found: string[] = [];
  for (const [typeUrl, wanted] of published.resources) {
    const table = proxy.config.tables.get(typeUrl);
    if (table === undefined) continue;
    for (const [resource] of table.refused) found.push(`${name}: refused ${resource}`);
    for (const [resource, { version }] of wanted) {
      const held = table.accepted.get(resource)?.resource;
      if (!isSame(held, version))
        found.push(`${name}: holds ${held?.version ?? 'nothing'} of ${resource}, not ${version}`);
    }
    for (const resource of table.accepted.keys())
      if (!wanted.has(resource)) found.push(`${name}: still holds ${resource}`);
  }
  return found;
}

function isSame(held: XdsResource | undefined, version: string): boolean {
  return held !== undefined && held.version === version;
}
