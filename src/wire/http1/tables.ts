// Which bytes may stand where: RFC 9110 section 5.6.2 (token), 5.5 (field values) and RFC 3986 as far as heads need it.
// One table read and one branch a byte; the grammar stands here once.

export const CR = 13;
export const LF = 10;
export const SP = 32;
export const HTAB = 9;
export const COLON = 58;

/** tchar. Value 1 where the byte may stand in a method, a field name or a coding. */
export const tokenTable: Uint8Array = createTable("!#$%&'*+-.^_`|~", true);

/** Printable ASCII but `#`: a fragment is never sent, and what it hides would be matched differently by two parsers. */
export const targetTable: Uint8Array = createTargetTable();

/** field-vchar, SP and HTAB; obs-text (0x80 and up) is allowed, every other control byte is not. */
export const valueTable: Uint8Array = createValueTable();

/**
 * Host names, IPv4 addresses and ports. Sub-delims and percent-encoding are legal in a URI but no host of ours has
 * them.
 */
export const hostTable: Uint8Array = createTable('-._~', true);

/** What stands between the brackets of an IPv6 literal. */
export const ipv6Table: Uint8Array = createTable('0123456789abcdefABCDEF:.', false);

/** Hexadecimal value of a byte, or 255. */
export const hexTable: Uint8Array = createHexTable();

function createTable(others: string, alphanumeric: boolean): Uint8Array {
  const table = new Uint8Array(256);
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const all = alphanumeric ? `${letters}${letters.toUpperCase()}0123456789${others}` : others;
  for (let index = 0; index < all.length; index++) table[all.charCodeAt(index)] = 1;
  return table;
}

function createTargetTable(): Uint8Array {
  const table = new Uint8Array(256);
  table.fill(1, 0x21, 0x7f);
  table['#'.charCodeAt(0)] = 0;
  return table;
}

function createValueTable(): Uint8Array {
  const table = new Uint8Array(256).fill(1, 0x20);
  table[HTAB] = 1;
  table[0x7f] = 0;
  return table;
}

function createHexTable(): Uint8Array {
  const table = new Uint8Array(256).fill(255);
  for (let digit = 0; digit < 16; digit++) {
    table[digit.toString(16).charCodeAt(0)] = digit;
    table[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
  }
  return table;
}
