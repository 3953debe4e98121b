// Where and how a listener's sockets are bound.

import type { ListenSocketOptions, SocketOption } from '../../../net/index.ts';
import {
  type address,
  type Faults,
  join,
  type listener,
  type MessageOf,
  type socketOption,
} from '../schema/index.ts';
import type { BoundAddress, ListenerBinding } from '../types.ts';
import { translateAddress } from './endpoints.ts';

type ListenerMessage = MessageOf<typeof listener>;
type AddressMessage = MessageOf<typeof address>;
type OptionMessage = MessageOf<typeof socketOption>;

/** Null after faults that leave nothing to listen on. The first address is the listener's. */
export function translateBinding(
  message: ListenerMessage,
  path: string,
  faults: Faults,
): ListenerBinding | null {
  const first = translateBound(message, message.address, message.socket_options, path, faults);
  const further = message.additional_addresses.map((additional, index) => {
    const at = `${join(path, 'additional_addresses')}[${index}]`;
    const options = additional.socket_options?.socket_options ?? message.socket_options;
    return translateBound(message, additional.address, options, at, faults);
  });
  if (first === null) return null;
  const asked = message.bind_to_port ?? message.deprecated_v1?.bind_to_port ?? true;
  if (message.bind_to_port !== undefined && message.deprecated_v1?.bind_to_port !== undefined)
    faults.add(join(path, 'deprecated_v1.bind_to_port'), 'must not be set beside bind_to_port');
  return { bound: asked, addresses: [first, ...further.filter((address) => address !== null)] };
}

function translateBound(
  message: ListenerMessage,
  at: AddressMessage | undefined,
  options: readonly OptionMessage[],
  path: string,
  faults: Faults,
): BoundAddress | null {
  const address = translateAddress(at, false, join(path, 'address'), faults);
  if (address === null) return null;
  const dual = at?.socket_address?.ipv4_compat === true;
  const mode = at?.pipe?.mode ?? 0;
  if (dual && !(address.kind === 'ip' && address.host.includes(':')))
    faults.add(join(path, 'address.socket_address.ipv4_compat'), 'is for IPv6 addresses');
  if (mode !== 0 && address.kind === 'unix' && address.path.startsWith('\0'))
    faults.add(join(path, 'address.pipe.mode'), 'is for sockets with a file');
  if (message.enable_mptcp === true && address.kind !== 'ip')
    faults.add(join(path, 'address'), 'must be an IP address with enable_mptcp');
  const socket: ListenSocketOptions = {
    ipv6Only: address.kind === 'ip' && address.host.includes(':') && !dual,
    backlog: message.tcp_backlog_size ?? null,
    freebind: message.freebind ?? false,
    transparent: message.transparent ?? false,
    fastOpenQueue: message.tcp_fast_open_queue_length || null,
    multipath: message.enable_mptcp ?? false,
    mode: mode === 0 ? null : mode,
    options: translateSocketOptions(options, join(path, 'socket_options'), faults),
  };
  return { address, socket: isPlain(socket) ? null : socket };
}

/** Nothing is asked for that a listening socket of the system does not have by itself. */
function isPlain(socket: ListenSocketOptions): boolean {
  const { ipv6Only, backlog, freebind, transparent, fastOpenQueue, multipath, mode, options } = socket;
  return (
    !(ipv6Only || freebind || transparent || multipath) &&
    backlog === null &&
    fastOpenQueue === null &&
    mode === null &&
    options.length === 0
  );
}

const states = { STATE_PREBIND: 'prebind', STATE_BOUND: 'bound', STATE_LISTENING: 'listening' } as const;

export function translateSocketOptions(
  messages: readonly OptionMessage[],
  path: string,
  faults: Faults,
): readonly SocketOption[] {
  return messages.map(({ level = 0, name = 0, int_value, buf_value, state }, index) => {
    if (int_value === undefined && buf_value === undefined)
      faults.add(`${path}[${index}]`, 'one of int_value, buf_value must be set');
    return { level, name, value: buf_value ?? int_value ?? 0, state: states[state ?? 'STATE_PREBIND'] };
  });
}
