// What the mesh asks of a certificate (RFC 5280) beyond what its TLS engine verifies: names, public key, serial number
// and validity. Read from the DER form, because texts that engines make of alternative names have been read in two ways
// before.

import { DerReader, readAll, readObjectId } from './der.ts';
import { formatName, readSans, type San } from './names.ts';

export interface Certificate {
  /** Hexadecimal, without leading zeros. */
  readonly serialNumber: string;
  readonly subject: string;
  readonly issuer: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly sans: readonly San[];
  /** SubjectPublicKeyInfo in DER, a view into what was parsed. */
  readonly publicKeyInfo: Uint8Array;
}

const sequence = 0x30;
const integer = 0x02;
const versionTag = 0xa0;
const extensionsTag = 0xa3;
const octetString = 0x04;
const utcTime = 0x17;
const subjectAltName = '2.5.29.17';
const ascii = new TextDecoder('latin1');

/** Null for what is no certificate. */
export function parseCertificate(der: Uint8Array): Certificate | null {
  const outer = new DerReader(der).take(sequence);
  const body = outer === null ? null : new DerReader(outer.body).take(sequence);
  if (body === null) return null;
  const reader = new DerReader(body.body);
  reader.take(versionTag);
  const serial = reader.take(integer);
  const algorithm = reader.take(sequence);
  const issuer = reader.take(sequence);
  const validity = reader.take(sequence);
  const subject = reader.take(sequence);
  const key = reader.take(sequence);
  if (!serial || !algorithm || !issuer || !validity || !subject || !key) return null;
  const [notBefore, notAfter] = (readAll(validity.body) ?? []).map(({ tag, body: time }) =>
    parseTime(tag, time),
  );
  const sans = readExtensionSans(reader);
  if (notBefore === undefined || notAfter === undefined || sans === null) return null;
  return {
    serialNumber: formatHex(serial.body).replace(/^(00)+(?=..)/, ''),
    subject: formatName(subject.body),
    issuer: formatName(issuer.body),
    notBeforeMs: notBefore,
    notAfterMs: notAfter,
    sans,
    publicKeyInfo: key.whole,
  };
}

/** Empty without such an extension; null when it, or the list around it, breaks the format. */
function readExtensionSans(reader: DerReader): readonly San[] | null {
  for (let value = reader.next(); value !== null; value = reader.next()) {
    if (value.tag !== extensionsTag) continue;
    const list = new DerReader(value.body).take(sequence);
    const extensions = list === null ? null : readAll(list.body);
    if (extensions === null) return null;
    for (const { body } of extensions) {
      const parts = readAll(body) ?? [];
      if (readObjectId(parts[0]?.body ?? new Uint8Array(0)) !== subjectAltName) continue;
      const content = parts.at(-1);
      return content?.tag === octetString ? readSans(content.body) : null;
    }
  }
  return [];
}

/** UTCTime has two digits of the year: 50 to 99 are of the last century (RFC 5280 section 4.1.2.5.1). */
function parseTime(tag: number, bytes: Uint8Array): number {
  const text = ascii.decode(bytes);
  const full = tag === utcTime ? `${Number(text.slice(0, 2)) >= 50 ? '19' : '20'}${text}` : text;
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full);
  if (match === null) return Number.NaN;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function formatHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
