// Names in certificates: distinguished names as RFC 2253 writes them, and the alternative names by kind.

import { formatIp } from '../../base/index.ts';
import { DerReader, readAll, readObjectId } from './der.ts';

export type SanKind = 'dns' | 'uri' | 'ip' | 'email';

/** One subject alternative name, exactly as it stands in the certificate. */
export interface San {
  readonly kind: SanKind;
  readonly value: string;
}

const attributeNames: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

const latin1 = new TextDecoder('latin1');
const utf8 = new TextDecoder();
const bmpString = 0x1e;

/** `CN=leaf,O=Bank`, last component first. */
export function formatName(body: Uint8Array): string {
  const parts: string[] = [];
  for (const set of readAll(body) ?? []) {
    const pairs = (readAll(set.body) ?? []).map(({ body: pair }) => {
      const reader = new DerReader(pair);
      const id = readObjectId(reader.next()?.body ?? new Uint8Array(0));
      const value = reader.next();
      const text = value === null ? '' : decodeText(value.tag, value.body);
      return `${attributeNames[id] ?? id}=${escapeValue(text)}`;
    });
    parts.push(pairs.join('+'));
  }
  return parts.reverse().join(',');
}

function decodeText(tag: number, body: Uint8Array): string {
  if (tag !== bmpString) return utf8.decode(body);
  let text = '';
  for (let at = 0; at + 1 < body.length; at += 2)
    text += String.fromCharCode(((body[at] ?? 0) << 8) | (body[at + 1] ?? 0));
  return text;
}

function escapeValue(text: string): string {
  return text.replace(/[,+"\\<>;]|^[ #]| $/g, '\\$&');
}

const sanKinds: Readonly<Record<number, SanKind>> = { 129: 'email', 130: 'dns', 134: 'uri', 135: 'ip' };

/**
 * The names of the kinds that anybody matches. One that holds a zero byte is left out: two readers would see different
 * names. Null when the list breaks the format.
 */
export function readSans(extension: Uint8Array): San[] | null {
  const list = new DerReader(extension).take(0x30);
  const values = list === null ? null : readAll(list.body);
  if (values === null) return null;
  return values.flatMap(({ tag, body }) => {
    const kind = sanKinds[tag];
    if (kind === undefined || (kind === 'ip' ? body.length !== 4 && body.length !== 16 : body.includes(0)))
      return [];
    return [{ kind, value: kind === 'ip' ? formatIp(body) : latin1.decode(body) }];
  });
}
