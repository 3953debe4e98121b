// Lines are made of bytes, one code unit each (latin1): heads are kept like that, and what the configuration says is
// turned into it once. So a value leaves as it came, and writing a line is a copy.

/** UTF-16 text as the code units of its UTF-8 bytes. */
export function toBytes(text: string): string {
  return ascii.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

const ascii = /^[\0-\x7f]*$/;
const plain = /^[ !#-[\]-~]*$/;

/**
 * A JSON string, quotes included. Where bytes are no UTF-8 each that is not plain is escaped by itself, as in Envoy.
 */
export function quoteJson(bytes: string): string {
  if (plain.test(bytes)) return `"${bytes}"`;
  if (isUtf8(bytes)) return JSON.stringify(bytes);
  return `"${bytes.replace(/[^ !#-[\]-~]/g, (unit) => `\\u00${unit.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
}

function isUtf8(bytes: string): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1'));
    return true;
  } catch {
    return false;
  }
}
