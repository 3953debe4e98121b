// envoy.load_balancing_policies.override_host: a filter, or a header, lists the endpoints that a request is for, the
// first for its first attempt, the next for each further one. Those that are not there are passed over; when the list
// is at its end, the policy within chooses.

import { formatAddress } from '../../net/index.ts';
import type { HostSource, OverrideHostsConfig } from '../config/types.ts';
import type { Endpoint } from './endpoint.ts';

/** What a request tells, and is told. */
export interface HostNotes {
  /** The first value of the field, null: there is none. */
  header(name: string): string | null;
  /** What filters said under this key; undefined: nothing. */
  said(key: string, path: readonly string[]): unknown;
  say(key: string, path: readonly string[], value: string): void;
  /** What is left of the list; null: nobody has asked yet. */
  hosts: string[] | null;
}

/** Of one list: more attempts than that no request has. */
const hostsMax = 64;

export function pickNamed(
  config: OverrideHostsConfig,
  notes: HostNotes,
  find: (address: string) => Endpoint | undefined,
): Endpoint | null {
  notes.hosts ??= config.sources.flatMap((source) => listOf(source, notes)).slice(0, hostsMax);
  for (let name = notes.hosts.shift(); name !== undefined; name = notes.hosts.shift()) {
    const endpoint = find(name);
    if (endpoint !== undefined) return endpoint;
  }
  return null;
}

/** For filters and logs. */
export function noteChosen({ selected }: OverrideHostsConfig, notes: HostNotes, endpoint: Endpoint): void {
  if (selected !== null) notes.say(selected.key, selected.path, formatAddress(endpoint.address));
}

function listOf(source: HostSource, notes: HostNotes): readonly string[] {
  const said = source.kind === 'header' ? notes.header(source.name) : notes.said(source.key, source.path);
  if (typeof said !== 'string') return [];
  return said
    .split(',', hostsMax)
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
