// For tests: one caller's traffic over simulated endpoints in virtual time. Open loop, so attempts overlap as they do
// in production.

import type { Random } from '../../base/index.ts';
import { type Balancer, EndpointLoad, type Outcome, type PickRequest } from './types.ts';

export class SimulatedEndpoint extends EndpointLoad {
  /** How it behaves at the moment. */
  latencyMs: number;
  jitterMs = 0;
  failing = false;
  /** When each attempt was given to it. */
  readonly pickedAtMs: number[] = [];

  constructor(key: string, latencyMs: number, weight = 1) {
    super(key, weight);
    this.latencyMs = latencyMs;
  }
}

export interface Traffic {
  readonly balancer: Balancer<SimulatedEndpoint>;
  readonly random: Random;
  readonly ratePerSecond: number;
  readonly fromMs: number;
  readonly requests: number;
  readonly arrivals: 'poisson' | 'even';
  /** Called before each arrival, to change the world. */
  readonly onArrival?: (index: number, nowMs: number) => void;
}

interface Flight {
  readonly endpoint: SimulatedEndpoint;
  readonly startMs: number;
  readonly endMs: number;
  readonly outcome: Outcome;
}

/** Plays it to the end of the last attempt and returns the time then. */
export function playTraffic(traffic: Traffic): number {
  const { balancer, random } = traffic;
  const flights: Flight[] = [];
  const gapMs = 1000 / traffic.ratePerSecond;
  let nowMs = traffic.fromMs;
  for (let index = 0; index < traffic.requests; index++) {
    land(flights, balancer, nowMs);
    traffic.onArrival?.(index, nowMs);
    const endpoint = balancer.pick(at(nowMs));
    if (endpoint !== null) flights.push(takeOff(endpoint, balancer, random, nowMs));
    nowMs += traffic.arrivals === 'even' ? gapMs : -Math.log(1 - random.float()) * gapMs;
  }
  const lastMs = Math.max(nowMs, ...flights.map((flight) => flight.endMs));
  land(flights, balancer, lastMs);
  return lastMs;
}

function takeOff(
  endpoint: SimulatedEndpoint,
  balancer: Balancer<SimulatedEndpoint>,
  random: Random,
  nowMs: number,
): Flight {
  balancer.onStart(endpoint, nowMs);
  endpoint.pickedAtMs.push(nowMs);
  const latencyMs = endpoint.failing ? 0.5 : endpoint.latencyMs + random.float() * endpoint.jitterMs;
  return {
    endpoint,
    startMs: nowMs,
    endMs: nowMs + latencyMs,
    outcome: endpoint.failing ? 'failure' : 'success',
  };
}

/** Ends every attempt that is due, in order of time. */
function land(flights: Flight[], balancer: Balancer<SimulatedEndpoint>, nowMs: number): void {
  const due = flights
    .filter((flight) => flight.endMs <= nowMs)
    .sort((left, right) => left.endMs - right.endMs);
  for (const { endpoint, startMs, endMs, outcome } of due) {
    balancer.onFinish(endpoint, endMs, endMs - startMs, outcome);
  }
  const left = flights.filter((flight) => flight.endMs > nowMs);
  flights.length = 0;
  flights.push(...left);
}

/** A choice that depends on nothing but the time. */
export function at<E>(nowMs: number, tried: readonly E[] = []): PickRequest<E> {
  return { nowMs, tried, hash: null };
}
