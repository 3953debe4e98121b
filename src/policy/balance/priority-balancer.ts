// Balancing over priorities: draws the priority by its share, then asks that priority's own balancer. With one priority
// in use, the common case, it adds one comparison.

import type { Random } from '../../base/index.ts';
import { BalanceCounts } from './balance-counts.ts';
import { LevelBalancer } from './level-balancer.ts';
import { type SparedPriorities, shareSparing } from './previous-priorities.ts';
import type { SelectedLevel, Selection } from './select-candidates.ts';
import type { BalanceConfig, Balancer, EndpointLoad, Hash64, Outcome, PickRequest } from './types.ts';

export class PriorityBalancer<E extends EndpointLoad> {
  private readonly config: BalanceConfig;
  private readonly random: Random;
  private readonly counts: BalanceCounts;
  private readonly levels: LevelBalancer<E>[] = [];
  /** Keeps the books of every endpoint, whatever its level. */
  private readonly meter: Balancer<E>;
  private selection: Selection<E> | null = null;
  /** The level that gets everything, or -1 when requests are shared. */
  private only = 0;

  constructor(config: BalanceConfig, random: Random, counts: BalanceCounts = new BalanceCounts()) {
    this.config = config;
    this.random = random;
    this.counts = counts;
    this.levels.push(new LevelBalancer<E>(config, random, counts));
    this.meter = this.levels[0]!.whole;
  }

  update(selection: Selection<E>): void {
    this.selection = selection;
    this.only =
      selection.levels.length === 0 ? 0 : selection.levels.findIndex((level) => level.loadPercent === 100);
    for (let index = 0; index < Math.max(selection.levels.length, this.levels.length); index++) {
      this.levels[index] ??= new LevelBalancer<E>(this.config, this.random, this.counts);
      this.levels[index]!.update(selection.levels[index] ?? null);
    }
  }

  /**
   * Chooses one, or null when there is none; see {@link Balancer.pick}. A retry may end up in the next priority by the
   * same draw.
   */
  pick(request: PickRequest<E>): E | null {
    const spared = request.tried.length === 0 ? null : (request.spared ?? null);
    const index = spared === null ? this.choose(request.hash) : this.chooseSparing(request.hash, spared);
    if (this.selection?.levels[index]?.panic === true) this.counts.panics += 1;
    return this.levels[index]!.pick(request);
  }

  onStart(endpoint: E, nowMs: number): void {
    this.meter.onStart(endpoint, nowMs);
  }

  onFinish(endpoint: E, nowMs: number, rttMs: number, outcome: Outcome): void {
    this.meter.onFinish(endpoint, nowMs, rttMs, outcome);
  }

  private choose(hash: Hash64 | null): number {
    return this.only >= 0 ? this.only : this.draw(hash);
  }

  private chooseSparing(hash: Hash64 | null, spared: SparedPriorities): number {
    const { selection } = this;
    const shares = selection === null ? null : shareSparing(selection.carries, spared);
    if (selection === null || shares === null) return this.choose(hash);
    let target = this.target(hash);
    const share = ({ availability, priority }: SelectedLevel<E>) => shares[availability][priority]!;
    return Math.max(
      0,
      selection.levels.findIndex((level) => {
        target -= share(level);
        return target < 0;
      }),
    );
  }

  /** By the hash where there is one, so that a key keeps its priority. */
  private draw(hash: Hash64 | null): number {
    const levels = this.selection === null ? [] : this.selection.levels;
    let target = this.target(hash);
    for (let index = 0; index < levels.length; index++) {
      target -= levels[index]!.loadPercent;
      if (target < 0) return index;
    }
    return 0;
  }

  private target(hash: Hash64 | null): number {
    return hash === null ? this.random.below(100) : percentOf(hash);
  }
}

/** The hash modulo 100; 2^32 is 96 modulo 100. */
function percentOf({ high, low }: Hash64): number {
  return ((high % 100) * 96 + (low % 100)) % 100;
}
