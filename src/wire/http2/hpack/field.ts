// A field line as HPACK knows it: name and value in one object that the dynamic tables of both directions share. Its
// value stays as it was received, Huffman code included, until somebody reads it; an entry of a table is then decoded
// once for all messages that refer to it.

import { headerNames } from '../../head.ts';
import { internText, unknownName } from '../../http1/names.ts';
import { decodeHuffman } from './huffman.ts';

/**
 * Ids of pseudo-header fields (RFC 9113 section 8.3), above those of {@link headerNames} and below {@link unknownName}.
 */
export const pseudo = {
  method: 200,
  scheme: 201,
  authority: 202,
  path: 203,
  status: 204,
  protocol: 205,
  /** A name that starts with a colon and means nothing. */
  unknown: 206,
} as const;

const pseudoIds: ReadonlyMap<string, number> = new Map(
  Object.entries(pseudo).flatMap(([name, id]) => (name === 'unknown' ? [] : [[`:${name}`, id] as const])),
);

const colon = 58;
const hash = 35;

/** What was wrong with a field line on its own. */
export const fieldFault = { none: 0, name: 1, value: 2 } as const;

export class Field {
  readonly name: string;
  /** Header id, a {@link pseudo} id, or {@link unknownName}. */
  readonly id: number;
  /** Value as it travels, one code unit a byte. */
  readonly raw: string;
  /** `raw` is Huffman code. */
  readonly huffman: boolean;
  /** Size in a table and in a header list (RFC 7541 section 4.1). */
  readonly size: number;
  /** Never to be put into a table (RFC 7541 section 7.1.3). */
  readonly sensitive: boolean;
  readonly fault: number;
  /** Index of the same line in the static table, or 0; set when that table is made. */
  staticIndex = 0;
  /** Messages that had this line, up to a few: a line that comes again is worth a place in a table. */
  uses = 0;
  /** The last generation of shared lines that had it. */
  generation = 0;
  private text: string | null;
  private checkedTarget = -1;

  constructor(
    name: string,
    id: number,
    raw: string,
    huffman: boolean,
    valueLength: number,
    sensitive: boolean,
    fault: number,
  ) {
    this.name = name;
    this.id = id;
    this.raw = raw;
    this.huffman = huffman;
    this.size = name.length + valueLength + 32;
    this.sensitive = sensitive;
    this.fault = fault;
    this.text = huffman ? null : raw;
  }

  get value(): string {
    if (this.text === null) this.text = decodeHuffman(this.raw);
    return this.text;
  }

  get valueLength(): number {
    return this.size - 32 - this.name.length;
  }

  /** The value has only what may stand in a request target or an authority; found out once. */
  get isTargetText(): boolean {
    if (this.checkedTarget < 0) this.checkedTarget = hasTargetText(this.value) ? 1 : 0;
    return this.checkedTarget === 1;
  }
}

/** Id of a lower-case name, pseudo-header fields included. */
export function fieldId(name: string): number {
  if (name.charCodeAt(0) !== colon) return internText(name);
  return pseudoIds.get(name) ?? pseudo.unknown;
}

export function isPseudo(id: number): boolean {
  return id >= pseudo.method && id < unknownName;
}

/** A line of our own making; name and value are valid. */
export function createField(name: string, value: string, sensitive = false): Field {
  return new Field(name, fieldId(name), value, false, value.length, sensitive, fieldFault.none);
}

/** Lines that nobody keeps: where a message had one that was removed. */
export const removedField: Field = createField('', '');

function hasTargetText(value: string): boolean {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code <= 32 || code >= 127 || code === hash) return false;
  }
  return true;
}
