// Where a section of an ELF file lies in it (elf(5)); of 64 bits and little-endian, as all of our machines are.

import { closeSync, openSync, readSync } from 'node:fs';

export interface SectionPlace {
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  readonly length: number;
}

const headerBytes = 64;
/** ELF, 64 bits, little-endian. */
const magic = [0x7f, 0x45, 0x4c, 0x46, 2, 1];

/** Null where the file has no such section, or is no such file. */
export function findElfSection(path: string, name: string): SectionPlace | null {
  const file = openSync(path, 'r');
  try {
    const header = readAt(file, 0, headerBytes);
    if (magic.some((byte, at) => header[at] !== byte)) return null;
    const entryBytes = header.readUInt16LE(0x3a);
    const entries = readAt(
      file,
      Number(header.readBigUInt64LE(0x28)),
      entryBytes * header.readUInt16LE(0x3c),
    );
    const place = (index: number): SectionPlace => ({
      offset: Number(entries.readBigUInt64LE(index * entryBytes + 0x18)),
      length: Number(entries.readBigUInt64LE(index * entryBytes + 0x20)),
    });
    const { offset, length } = place(header.readUInt16LE(0x3e));
    const names = readAt(file, offset, length).toString('latin1');
    for (let index = 0; index * entryBytes < entries.length; index++)
      if (names.startsWith(`${name}\0`, entries.readUInt32LE(index * entryBytes))) return place(index);
    return null;
  } finally {
    closeSync(file);
  }
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, position);
  return bytes;
}
