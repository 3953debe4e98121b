// Maglev hashing (Eisenbud and others, 2016, section 3.4): every endpoint fills the table in an order of its own,
// heavier ones more often, and a key is one lookup. With Envoy's keys, hash and order of filling, so that both pick
// alike.

import type { Random } from '../../base/index.ts';
import { hashKeyOf } from './hash-key.ts';
import { defaultDecayMs, recordFinish, recordStart } from './load-meter.ts';
import { weightsOf } from './ring-hash.ts';
import type { BalanceConfig, Balancer, EndpointLoad, Hash64, Outcome, PickRequest } from './types.ts';
import { xxHash64 } from './xx-hash-64.ts';

type MaglevConfig = Extract<BalanceConfig, { kind: 'maglev' }>;

export class Maglev<E extends EndpointLoad> implements Balancer<E> {
  private readonly random: Random;
  private readonly config: MaglevConfig;
  private table: readonly E[] = [];
  private count = 0;

  constructor(config: MaglevConfig, random: Random) {
    this.config = config;
    this.random = random;
  }

  update(candidates: readonly E[], weights = weightsOf(candidates)): void {
    this.count = candidates.length;
    this.table = candidates.length === 0 ? [] : buildTable(candidates, weights, this.config);
  }

  pick({ hash, tried }: PickRequest<E>): E | null {
    const table = this.table;
    if (table.length === 0) return null;
    const first = hash === null ? this.random.below(table.length) : remainder(hash, table.length);
    if (tried.length === 0 || this.count === 1) return table[first]!;
    // Envoy changes most bits of the hash for each further attempt; where these all lead to tried ones, the table is
    // walked.
    for (let attempt = 1; hash !== null && attempt <= tried.length; attempt++) {
      const other = table[remainder(alter(hash, attempt), table.length)]!;
      if (!tried.includes(other)) return other;
    }
    for (let step = 0; step < table.length; step++) {
      const other = table[(first + step) % table.length]!;
      if (!tried.includes(other)) return other;
    }
    return table[first]!;
  }

  onStart(endpoint: E, nowMs: number): void {
    recordStart(endpoint, nowMs);
  }

  onFinish(endpoint: E, nowMs: number, rttMs: number, outcome: Outcome): void {
    recordFinish(endpoint, nowMs, rttMs, outcome, defaultDecayMs);
  }
}

interface Row<E> {
  readonly endpoint: E;
  readonly weight: number;
  readonly skip: number;
  /** Place in its permutation that is tried next. */
  at: number;
  /** Rounds are skipped until the round's number times the weight reaches this. */
  due: number;
}

function buildTable<E extends EndpointLoad>(
  candidates: readonly E[],
  weights: readonly number[],
  { byHostname, size }: MaglevConfig,
): readonly E[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const weighted = candidates.map((endpoint, index) => ({
    endpoint,
    key: hashKeyOf(endpoint, byHostname === true),
    weight: weights[index]! / sum,
  }));
  // By key, so that the order in which endpoints were listed changes nothing: Envoy was found to do the same.
  const inOrder = weighted.toSorted((one, other) => (one.key < other.key ? -1 : 1));
  const rows: Row<E>[] = inOrder.map(({ endpoint, key, weight }) => ({
    endpoint,
    weight,
    at: remainder(xxHash64(key), size),
    skip: remainder(xxHash64(key, 1), size - 1) + 1,
    due: 0,
  }));
  const heaviest = Math.max(...rows.map(({ weight }) => weight));
  const table = new Array<E | undefined>(size).fill(undefined);
  let filled = 0;
  for (let round = 1; filled < size; round++) {
    for (const row of rows) {
      if (filled === size) break;
      if (round * row.weight < row.due) continue;
      row.due += heaviest;
      while (table[row.at] !== undefined) row.at = (row.at + row.skip) % size;
      table[row.at] = row.endpoint;
      row.at = (row.at + row.skip) % size;
      filled += 1;
    }
  }
  return table as readonly E[];
}

/** The hash by a divisor below 2^26, exact in doubles. */
function remainder({ high, low }: Hash64, divisor: number): number {
  return ((high % divisor) * (2 ** 32 % divisor) + (low % divisor)) % divisor;
}

/** hash ^ (2^64 - attempt). */
function alter({ high, low }: Hash64, attempt: number): Hash64 {
  return { high: ~high >>> 0, low: (low ^ -attempt) >>> 0 };
}
