// The golden series: duration by direction, service, route, caller and class of the answer. All label values come from
// configuration; a series exists from its first request on.

import { Histogram, latencyBoundsSeconds } from '../../observe/index.ts';
import type { Direction } from '../config/types.ts';

export class TrafficSeries {
  readonly direction: Direction;
  /** `bank/ledger`; '' for requests that went nowhere (redirects, direct answers, no route). */
  readonly service: string;
  readonly route: string;
  /** The caller on inbound listeners; '' elsewhere. */
  readonly peer: string;
  /** Seconds from the request's head to the end of its answer, by class 1 to 5; index 0: no answer was sent. */
  readonly durations: (Histogram | null)[] = [null, null, null, null, null, null];

  constructor(direction: Direction, service: string, route: string, peer: string) {
    this.direction = direction;
    this.service = service;
    this.route = route;
    this.peer = peer;
  }

  record(statusClass: number, seconds: number): void {
    this.durations[statusClass] ??= new Histogram(latencyBoundsSeconds);
    this.durations[statusClass].record(seconds);
  }
}

/**
 * The series of one listener. Lookup is by the route's name with the last hit of that route remembered: a request costs
 * one map read. Series of routes that are gone stay (counters must not vanish under a dashboard) up to a bound, then
 * all fold into "other".
 */
export class TrafficStats {
  readonly direction: Direction;
  private readonly seriesMax: number;
  private readonly byRoute = new Map<string, TrafficSeries[]>();
  private readonly all: TrafficSeries[] = [];

  constructor(direction: Direction, seriesMax = 2_000) {
    this.direction = direction;
    this.seriesMax = seriesMax;
  }

  get series(): readonly TrafficSeries[] {
    return this.all;
  }

  find(route: string, service: string, peer: string): TrafficSeries {
    const group = this.byRoute.get(route);
    if (group !== undefined) {
      for (let i = 0; i < group.length; i++) {
        const series = group[i]!;
        if (series.service === service && series.peer === peer) return series;
      }
    }
    return this.create(group, route, service, peer);
  }

  private create(
    group: TrafficSeries[] | undefined,
    route: string,
    service: string,
    peer: string,
  ): TrafficSeries {
    if (this.all.length >= this.seriesMax && route !== 'other') return this.find('other', 'other', 'other');
    const series = new TrafficSeries(this.direction, service, route, peer);
    this.all.push(series);
    if (group === undefined) this.byRoute.set(route, [series]);
    else group.push(series);
    return series;
  }
}
