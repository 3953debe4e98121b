// An address as Envoy's API has it, for what is said to services.

import type { Address } from '../net/index.ts';
import { WireWriter } from '../xds/index.ts';

/** envoy.config.core.v3.Address: 1 socket_address (2 address, 3 port_value), 2 pipe (1 path). */
export function encodeAddress(address: Address): Uint8Array {
  const inner = new WireWriter(64);
  const writer = new WireWriter(72);
  if (address.kind === 'ip') {
    inner.string(2, address.host);
    // An oneof: 0 is said.
    if (address.port === 0) inner.bool(3, false);
    else inner.uint(3, address.port);
  } else inner.string(1, address.path);
  writer.bytes(address.kind === 'ip' ? 1 : 2, inner.finish());
  return writer.finish();
}
