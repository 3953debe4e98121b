// What the proxies of one replica of the control plane said, in a form that is bounded and can be added up: proxies
// connect to any replica, and one writes the status of all objects.

import type { FleetFault } from '../fleet/object-writer.ts';
import { isRecord } from '../kubernetes/types.ts';
import { addRefusals, ownVoice, type Refusal } from '../status/refusals.ts';
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
  return JSON.stringify({
    gateways: fitting(gateways),
    faults: fitting(faults),
    refusals: fitting(refusals),
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
    refusals: withVoices(mapOf(parsed['refusals'], isRefusal)),
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
      const before = refusals.get(key);
      refusals.set(key, before === undefined ? refusal : addRefusals(before, refusal));
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

/** A replica of the version before tells of none; it passed on what it believed. */
function withVoices(
  refusals: ReadonlyMap<string, Omit<Refusal, 'voices'> & Partial<Refusal>>,
): ReadonlyMap<string, Refusal> {
  return new Map([...refusals].map(([key, one]) => [key, { ...one, voices: one.voices ?? [ownVoice] }]));
}

function isRefusal(value: unknown): value is Omit<Refusal, 'voices'> & Partial<Refusal> {
  return (
    isRecord(value) &&
    (value['voices'] === undefined || isTexts(value['voices'])) &&
    typeof value['nodeId'] === 'string' &&
    typeof value['message'] === 'string' &&
    Number.isInteger(value['proxies'])
  );
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
