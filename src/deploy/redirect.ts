// Rules of the kernel that lead a pod's connections through its proxy, as text for nft and as commands for iptables.
// Made anew as a whole each time: applying twice is applying once, and what another program set stays.

import { isIP } from 'node:net';
import { meshPorts, proxyUser } from './limits.ts';

/** Ports to capture: all, or a list; an empty list captures none. */
export type CapturedPorts = 'all' | readonly number[];

export interface RedirectOptions {
  readonly outboundPorts: CapturedPorts;
  readonly inboundPorts: CapturedPorts;
  /** Never captured, either way. */
  readonly skipPorts: readonly number[];
  /** Inbound connections from these are left alone: the node's own addresses, from which the kubelet probes. */
  readonly skipSources: readonly string[];
  /** Outbound connections to these addresses and ranges are left alone. */
  readonly skipDestinations: readonly string[];
  /** What comes or goes by these is left alone: further networks of a pod. */
  readonly skipInterfaces: readonly string[];
}

const table = 'weft';
/**
 * A connection to it, at the outbound port, comes to that port of 127.0.0.1 where the rules are in force, whoever makes
 * it; nowhere else does anything listen on it. How a container without rights sees them (`weft redirect --verify`).
 */
export const markAddress = '127.15.0.1';
/** The mesh's own ports are reached as they are. */
const ownPorts: readonly number[] = [
  meshPorts.admin,
  meshPorts.outbound,
  meshPorts.inbound,
  meshPorts.readiness,
  15_090,
];

/** A script for `nft -f -`, atomic: the table is replaced in one transaction. */
export function encodeNft(options: RedirectOptions): string {
  const skipped = set([...ownPorts, ...options.skipPorts]);
  const leave = (field: 'saddr' | 'daddr') => (range: string) =>
    `    ${familyOf(range) === 6 ? 'ip6' : 'ip'} ${field} ${range} return`;
  const interfaces = (field: 'iifname' | 'oifname') =>
    options.skipInterfaces.map((name) => `    ${field} "${name}" return`);
  return [
    cleanNft(),
    `table inet ${table} {`,
    '  chain inbound {',
    '    type nat hook prerouting priority dstnat; policy accept;',
    // What a pod only passes on (a VPN, a router) is none of its own.
    '    fib daddr type != local return',
    `    tcp dport { ${skipped} } return`,
    ...interfaces('iifname'),
    ...options.skipSources.map(leave('saddr')),
    ...redirectNft(options.inboundPorts, meshPorts.inbound),
    '  }',
    '  chain outbound {',
    '    type nat hook output priority -100; policy accept;',
    `    ip daddr ${markAddress} tcp dport ${meshPorts.outbound} redirect to :${meshPorts.outbound}`,
    `    meta skuid ${proxyUser} return`,
    `    meta skgid ${proxyUser} return`,
    '    oifname "lo" return',
    '    ip daddr 127.0.0.0/8 return',
    '    ip6 daddr ::1 return',
    `    tcp dport { ${skipped} } return`,
    ...interfaces('oifname'),
    ...options.skipDestinations.map(leave('daddr')),
    ...redirectNft(options.outboundPorts, meshPorts.outbound),
    '  }',
    '}',
    '',
  ].join('\n');
}

/** Takes the rules away; nothing where there are none. */
export function cleanNft(): string {
  return `table inet ${table} {}\ndelete table inet ${table}`;
}

function redirectNft(ports: CapturedPorts, to: number): string[] {
  if (ports === 'all') return [`    meta l4proto tcp redirect to :${to}`];
  return ports.length === 0 ? [] : [`    tcp dport { ${set(ports)} } redirect to :${to}`];
}

function set(ports: readonly number[]): string {
  return [...new Set(ports)].sort((a, b) => a - b).join(', ');
}

/** Arguments of iptables, for the one family or the other, in order; those that may fail come with `optional`. */
export interface IptablesCommand {
  readonly args: readonly string[];
  readonly optional: boolean;
}

export function encodeIptables(options: RedirectOptions, family: 4 | 6): readonly IptablesCommand[] {
  const must = (text: string): IptablesCommand => ({
    args: ['-t', 'nat', ...text.split(' ')],
    optional: false,
  });
  const skipped = [...new Set([...ownPorts, ...options.skipPorts])];
  const own = (ranges: readonly string[]) => ranges.filter((range) => familyOf(range) === family);
  return [
    ...cleanIptables(),
    must('-N WEFT_IN'),
    must('-N WEFT_OUT'),
    must('-A WEFT_IN -m addrtype ! --dst-type LOCAL -j RETURN'),
    ...(family === 4 ? [must(markIptables)] : []),
    ...skipped.flatMap((port) => [
      must(`-A WEFT_IN -p tcp --dport ${port} -j RETURN`),
      must(`-A WEFT_OUT -p tcp --dport ${port} -j RETURN`),
    ]),
    ...options.skipInterfaces.flatMap((name) => [
      must(`-A WEFT_IN -i ${name} -j RETURN`),
      must(`-A WEFT_OUT -o ${name} -j RETURN`),
    ]),
    ...own(options.skipSources).map((range) => must(`-A WEFT_IN -s ${range} -j RETURN`)),
    ...own(options.skipDestinations).map((range) => must(`-A WEFT_OUT -d ${range} -j RETURN`)),
    must(`-A WEFT_OUT -m owner --uid-owner ${proxyUser} -j RETURN`),
    must(`-A WEFT_OUT -m owner --gid-owner ${proxyUser} -j RETURN`),
    must('-A WEFT_OUT -o lo -j RETURN'),
    must(`-A WEFT_OUT -d ${family === 4 ? '127.0.0.0/8' : '::1'} -j RETURN`),
    ...redirectIptables('WEFT_IN', options.inboundPorts, meshPorts.inbound).map(must),
    ...redirectIptables('WEFT_OUT', options.outboundPorts, meshPorts.outbound).map(must),
    must('-A PREROUTING -p tcp -j WEFT_IN'),
    must('-A OUTPUT -p tcp -j WEFT_OUT'),
  ];
}

const markIptables = `-A WEFT_OUT -p tcp -d ${markAddress} --dport ${meshPorts.outbound} -j REDIRECT --to-ports ${meshPorts.outbound}`;

export function cleanIptables(): readonly IptablesCommand[] {
  return [
    '-D PREROUTING -p tcp -j WEFT_IN',
    '-D OUTPUT -p tcp -j WEFT_OUT',
    '-F WEFT_IN',
    '-F WEFT_OUT',
    '-X WEFT_IN',
    '-X WEFT_OUT',
  ].map((text) => ({ args: ['-t', 'nat', ...text.split(' ')], optional: true }));
}

function redirectIptables(chain: string, ports: CapturedPorts, to: number): string[] {
  if (ports === 'all') return [`-A ${chain} -p tcp -j REDIRECT --to-ports ${to}`];
  return ports.map((port) => `-A ${chain} -p tcp --dport ${port} -j REDIRECT --to-ports ${to}`);
}

/** Default gateways in what the kernel shows as /proc/net/route (IPv4) and /proc/net/ipv6_route. */
export function parseGateways(route: string, route6: string): readonly string[] {
  const rows = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((row) => row.trim().split(/\s+/));
  const v4 = rows(route)
    .filter(
      ([, destination, gateway]) => destination === '00000000' && /^(?!0{8})[\dA-F]{8}$/i.test(gateway ?? ''),
    )
    // Lowest byte first.
    .map(([, , gateway = '']) => bytesOf(gateway).reverse().join('.'));
  const v6 = rows(route6)
    .filter(
      ([destination, bits, , , gateway]) =>
        /^0{32}$/.test(destination ?? '') && bits === '00' && /^(?!0{32})[\da-f]{32}$/i.test(gateway ?? ''),
    )
    .map(([, , , , gateway = '']) => (gateway.match(/.{4}/g) ?? []).join(':'));
  return [...new Set([...v4, ...v6])];
}

function bytesOf(hexadecimal: string): number[] {
  return (hexadecimal.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
}

/** `all`, `none`, or a list as `80,8080`; null when it is none of these. */
export function parseCapturedPorts(text: string): CapturedPorts | null {
  if (text === 'all') return 'all';
  if (text === 'none' || text === '') return [];
  const ports = text.split(',').map((part) => (/^\d{1,5}$/.test(part.trim()) ? Number(part) : 0));
  return ports.every((port) => port >= 1 && port <= 65_535) ? ports : null;
}

/** Of an address or a range; 0: it is neither. */
function familyOf(range: string): 0 | 4 | 6 {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(range) ?? [];
  const family = isIP(address);
  const bitsMax = family === 4 ? 32 : 128;
  if ((family !== 4 && family !== 6) || Number(bits ?? 0) > bitsMax) return 0;
  return family;
}

/** Addresses and ranges as `10.0.0.0/8,fd00::1`; '' is none; null when it is something else. */
export function parseRanges(text: string): readonly string[] | null {
  return parseList(text, (range) => familyOf(range) !== 0);
}

/** Names of network interfaces as `net1,net2`, which the kernel holds to fifteen bytes; '' is none; null otherwise. */
export function parseInterfaces(text: string): readonly string[] | null {
  return parseList(text, (name) => /^[\w][\w.-]{0,14}$/.test(name));
}

function parseList(text: string, isGood: (item: string) => boolean): readonly string[] | null {
  if (text === '') return [];
  const items = text.split(',').map((item) => item.trim());
  return items.every(isGood) ? items : null;
}
