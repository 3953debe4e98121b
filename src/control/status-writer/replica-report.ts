// What the proxies of one replica of the control plane said, in a form that is bounded and can be added up: proxies
// connect to any replica, and one writes the status of all objects.

import type { FleetFault } from '../fleet/object-writer.ts';
import { isRecord } from '../kubernetes/types.ts';
import type { Refusal } from '../status/nacks.ts';
import { writerLimits } from './limits.ts';

/** Proxies that play a Gateway: connected, and of these those that took what it means now. */
export interface Players {
  readonly connected: number;
  readonly current: number;
}

export interface ReplicaReport {
  /** By `namespace/name`; without those that nobody plays. */
  readonly gateways: ReadonlyMap<string, Players>;
  /** What proxies refused, by the object that it came of. */
  readonly refusals: ReadonlyMap<string, Refusal>;
  /** What it keeps for objects, and could not write as it should be. */
  readonly faults: ReadonlyMap<string, FleetFault>;
}

export const emptyReport: ReplicaReport = {
  gateways: new Map(),
  refusals: new Map(),
  faults: new Map(),
};

/** As much of it as `writerLimits.reportCharsMax` holds: the Gateways first, then faults, then refusals. */
export function encodeReport({ gateways, refusals, faults }: ReplicaReport): string {
  let left: number = writerLimits.reportCharsMax;
  const fitting = <T>(entries: Iterable<readonly [string, T]>): Record<string, T> => {
    const taken: Record<string, T> = {};
    for (const [key, value] of entries) {
      left -= JSON.stringify(key).length + JSON.stringify(value).length + 2;
      if (left < 0) break;
      taken[key] = value;
    }
    return taken;
  };
  const short = [...refusals].map(
    ([key, refusal]) =>
      [key, { ...refusal, message: refusal.message.slice(0, writerLimits.refusalCharsMax) }] as const,
  );
  return JSON.stringify({
    gateways: fitting(gateways),
    faults: fitting(faults),
    refusals: fitting(short),
  });
}

/** What is not a report is an empty one: another version of us may have written it. */
export function decodeReport(text: string): ReplicaReport {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return emptyReport;
  }
  if (!isRecord(parsed)) return emptyReport;
  return {
    gateways: mapOf(parsed['gateways'], isPlayers),
    refusals: mapOf(parsed['refusals'], isRefusal),
    faults: mapOf(parsed['faults'], isFault),
  };
}

export function addReports(reports: readonly ReplicaReport[]): ReplicaReport {
  const gateways = new Map<string, Players>();
  const refusals = new Map<string, Refusal>();
  const faults = new Map<string, FleetFault>();
  for (const report of reports) {
    for (const [key, { connected, current }] of report.gateways) {
      const before = gateways.get(key) ?? { connected: 0, current: 0 };
      gateways.set(key, { connected: before.connected + connected, current: before.current + current });
    }
    for (const [key, fault] of report.faults) if (!faults.has(key)) faults.set(key, fault);
    for (const [key, refusal] of report.refusals) {
      const before = refusals.get(key) ?? { ...refusal, proxies: 0 };
      refusals.set(key, { ...before, proxies: before.proxies + refusal.proxies });
    }
  }
  return { gateways, refusals, faults };
}

function mapOf<T>(value: unknown, is: (one: unknown) => one is T): ReadonlyMap<string, T> {
  const entries = Object.entries(isRecord(value) ? value : {});
  return new Map(entries.flatMap(([key, one]) => (is(one) ? [[key, one] as const] : [])));
}

function isPlayers(value: unknown): value is Players {
  return isRecord(value) && Number.isInteger(value['connected']) && Number.isInteger(value['current']);
}

function isFault(value: unknown): value is FleetFault {
  return (
    isRecord(value) &&
    (value['reason'] === 'ObjectNotOurs' || value['reason'] === 'ObjectRefused') &&
    typeof value['message'] === 'string'
  );
}

function isRefusal(value: unknown): value is Refusal {
  return (
    isRecord(value) &&
    typeof value['nodeId'] === 'string' &&
    typeof value['message'] === 'string' &&
    Number.isInteger(value['proxies'])
  );
}
