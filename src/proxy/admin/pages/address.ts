// An address in the JSON of Envoy's admin pages.

import type { Address } from '../../../net/index.ts';

export function encodeEnvoyAddress(address: Address): unknown {
  return address.kind === 'unix'
    ? { pipe: { path: address.path } }
    : { socket_address: { address: address.host, port_value: address.port } };
}
