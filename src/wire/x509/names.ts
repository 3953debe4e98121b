// Names in certificates: distinguished names as RFC 2253 writes them, and the alternative names by kind.

import { formatIp } from '../../base/index.ts';
import { DerReader, readAll, readObjectId } from './der.ts';

export type SanKind = 'dns' | 'uri' | 'ip' | 'email';

/** One subject alternative name, exactly as it stands in the certificate. */
export type San =
  | { readonly kind: SanKind; readonly value: string }
  /** Of a kind that has but a number. */
  | { readonly kind: 'other'; readonly oid: string; readonly value: string };

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
const universalString = 0x1c;
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
    if (tag === otherNameTag) return readOtherName(body);
    const kind = sanKinds[tag];
    if (kind === undefined || (kind === 'ip' ? body.length !== 4 && body.length !== 16 : body.includes(0)))
      return [];
    return [{ kind, value: kind === 'ip' ? formatIp(body) : latin1.decode(body) }];
  });
}

const otherNameTag = 0xa0;
const octetString = 0x04;
/** UTF8String, PrintableString, T61String, IA5String, VisibleString, UniversalString, BMPString. */
const textTags: ReadonlySet<number> = new Set([0x0c, 0x13, 0x14, 0x16, 0x1a, universalString, bmpString]);

/** RFC 5280 section 4.2.1.6: what it is, then its value, tagged once more. Those that are no text are left out. */
function readOtherName(body: Uint8Array): San[] {
  const [id, tagged] = readAll(body) ?? [];
  const oid = readObjectId(id?.body ?? new Uint8Array(0));
  const value = tagged?.tag === otherNameTag ? new DerReader(tagged.body).next() : null;
  if (oid === '' || value === null) return [];
  const text = value.tag === octetString ? utf8.decode(value.body) : textOf(value.tag, value.body);
  return text === null || text.includes('\0') ? [] : [{ kind: 'other', oid, value: text }];
}

function textOf(tag: number, body: Uint8Array): string | null {
  if (!textTags.has(tag)) return null;
  if (tag !== universalString) return decodeText(tag, body);
  const points: number[] = [];
  for (let at = 0; at + 3 < body.length; at += 4)
    points.push(((body[at + 1] ?? 0) << 16) | ((body[at + 2] ?? 0) << 8) | (body[at + 3] ?? 0));
  return points.every((point) => point <= 0x10ffff) ? String.fromCodePoint(...points) : null;
}
