// What tells kinds of TLS clients apart, as texts to be hashed: JA3 (github.com/salesforce/ja3) and JA4
// (github.com/FoxIO-LLC/ja4). Values that clients make up (GREASE, RFC 8701) count in neither.

import type { ClientHello } from './types.ts';

/** Version, suites, extensions, groups and formats of points, each in the client's order; its MD5 is the JA3. */
export function describeJa3({ offer }: ClientHello): string {
  const { legacyVersion, suites, extensions, groups, pointFormats } = offer;
  const lists = [suites, extensions, groups].map((list) => withoutGrease(list).join('-'));
  return [legacyVersion, ...lists, pointFormats.join('-')].join(',');
}

export interface Ja4Texts {
  readonly head: string;
  /** Each to be hashed (SHA-256, its first twelve digits); '' stands for twelve zeros. */
  readonly suites: string;
  readonly extensions: string;
}

const extensionServerName = 0;
const extensionAlpn = 16;
const countMax = 99;

export function describeJa4({ alpn, offer, serverName }: ClientHello): Ja4Texts {
  const suites = withoutGrease(offer.suites);
  const extensions = withoutGrease(offer.extensions);
  const counts = [suites, extensions].map(({ length }) => `${Math.min(length, countMax)}`.padStart(2, '0'));
  const told = sorted(extensions.filter((type) => type !== extensionServerName && type !== extensionAlpn));
  const signatures = withoutGrease(offer.signatures).map(hex).join(',');
  return {
    head: `t${versionOf(offer)}${serverName === null ? 'i' : 'd'}${counts.join('')}${protocolOf(alpn[0])}`,
    suites: sorted(suites),
    extensions: signatures === '' ? told : `${told}_${signatures}`,
  };
}

function withoutGrease(values: readonly number[]): readonly number[] {
  return values.filter((value) => (value & 0x0f0f) !== 0x0a0a || value >> 8 !== (value & 0xff));
}

function hex(value: number): string {
  return value.toString(16).padStart(4, '0');
}

function sorted(values: readonly number[]): string {
  return values.map(hex).toSorted().join(',');
}

const versionNames: Readonly<Record<number, string>> = {
  768: 's3',
  769: '10',
  770: '11',
  771: '12',
  772: '13',
};

function versionOf({ legacyVersion, versions }: ClientHello['offer']): string {
  const offered = withoutGrease(versions);
  return versionNames[offered.length === 0 ? legacyVersion : Math.max(...offered)] ?? '00';
}

/** First and last character; of one that is no text, of its bytes in hexadecimal. */
function protocolOf(name: string | undefined): string {
  if (name === undefined || name === '') return '00';
  const isText = /^[0-9A-Za-z]$/.test(name[0] ?? '') && /^[0-9A-Za-z]$/.test(name.at(-1) ?? '');
  const text = isText ? name : Array.from(name, (one) => hex(one.charCodeAt(0)).slice(2)).join('');
  return `${text[0]}${text.at(-1)}`;
}
