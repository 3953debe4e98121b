// The balancer of one priority: of all its candidates, or of those of a locality that is chosen first. Where
// localities play no part, the common case, that costs one comparison.

import type { Random } from '../../base/index.ts';
import type { BalanceCounts } from './balance-counts.ts';
import { createBalancer } from './create-balancer.ts';
import { drawZone, weighByLocality, type ZonePlan } from './locality.ts';
import type { SelectedLevel } from './select-candidates.ts';
import { Turns } from './turns.ts';
import type { BalanceConfig, Balancer, EndpointLoad, PickRequest } from './types.ts';

export class LevelBalancer<E extends EndpointLoad> {
  /** All candidates. */
  readonly whole: Balancer<E>;
  private readonly config: BalanceConfig;
  private readonly random: Random;
  private readonly counts: BalanceCounts;
  /** By locality, while localities are chosen. */
  private groups: readonly Balancer<E>[] = [];
  private choice: 'none' | 'turns' | 'zones' = 'none';
  private turns: Turns | null = null;
  private weights: readonly number[] = [];
  private zones: ZonePlan<E> | null = null;

  constructor(config: BalanceConfig, random: Random, counts: BalanceCounts) {
    this.config = config;
    this.random = random;
    this.counts = counts;
    this.whole = createBalancer<E>(config, random);
  }

  update(level: SelectedLevel<E> | null): void {
    this.choice = 'none';
    this.groups = [];
    if (level === null) {
      this.whole.update([]);
      return;
    }
    const { candidates, localities, zones } = level;
    if (isTable(this.config)) {
      // A key has one place in the table of all localities: choosing a locality first would send it to many.
      const weighted = localities === null ? null : weighByLocality(localities);
      if (weighted === null) this.whole.update(candidates);
      else this.whole.update(weighted.candidates, weighted.weights);
      return;
    }
    // A locality without a weight gets nothing, also where another one has nothing left to give.
    this.whole.update(localities === null ? candidates : localities.flatMap((share) => share.candidates));
    if (localities !== null) {
      if (localities.length < 2) return;
      this.choice = 'turns';
      this.weights = localities.map(({ weight }) => weight);
      this.turns ??= new Turns(this.random);
      this.turns.update(this.weights);
      this.groups = localities.map((locality) => this.createGroup(locality.candidates));
    } else if (zones !== null) {
      this.choice = 'zones';
      this.zones = zones;
      this.groups = zones.localities.map((members) => this.createGroup(members));
    }
  }

  pick(request: PickRequest<E>): E | null {
    if (this.choice === 'none') return this.whole.pick(request);
    const group = this.choice === 'turns' ? this.takeTurn() : this.chooseZone();
    const picked = group < 0 ? null : this.groups[group]!.pick(request);
    // A locality of which nothing is left that this request has not met: any other is better than the same again.
    return picked === null || request.tried.includes(picked) ? this.whole.pick(request) : picked;
  }

  private takeTurn(): number {
    const index = this.turns!.peek();
    this.turns!.take(this.weights[index]!);
    return index;
  }

  private chooseZone(): number {
    const zones = this.zones!;
    const { routingPercent } = zones;
    if (routingPercent < 100 && this.random.below(100) >= routingPercent) return -1;
    return drawZone(zones, this.random, this.counts);
  }

  private createGroup(members: readonly E[]): Balancer<E> {
    const balancer = createBalancer<E>(this.config, this.random);
    balancer.update(members);
    return balancer;
  }
}

function isTable({ kind }: BalanceConfig): boolean {
  return kind === 'ring-hash' || kind === 'maglev';
}
