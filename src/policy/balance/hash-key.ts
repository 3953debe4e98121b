// By which name an endpoint stands in a table of consistent hashing: its label `hash_key` under envoy.lb, else its host
// name where the cluster goes by that, else its address.

import type { EndpointLoad } from './types.ts';

export function hashKeyOf({ hostname, key, labels }: EndpointLoad, byHostname: boolean): string {
  const said = labels?.['hash_key'];
  if (typeof said === 'string' && said !== '') return said;
  return byHostname && hostname !== '' ? hostname : key;
}
