import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findElfSection } from './elf-section.ts';

/** A file of one section that says something, and one of the names of both. */
function createFile(): Buffer {
  const names = Buffer.from('\0.first\0.names\0');
  const file = Buffer.alloc(64 + 16 + 2 * 64);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  file.writeBigUInt64LE(80n, 0x28);
  file.writeUInt16LE(64, 0x3a);
  file.writeUInt16LE(2, 0x3c);
  file.writeUInt16LE(1, 0x3e);
  file.set(names, 64);
  const sections = [
    { name: 1, offset: 0x1_0000_0000n, length: 77n },
    { name: 8, offset: 64n, length: BigInt(names.length) },
  ];
  for (const [index, { name, offset, length }] of sections.entries()) {
    const at = 80 + 64 * index;
    file.writeUInt32LE(name, at);
    file.writeBigUInt64LE(offset, at + 0x18);
    file.writeBigUInt64LE(length, at + 0x20);
  }
  return file;
}

test('a section is found by its whole name, in an ELF file of 64 bits', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-elf-'));
  const path = join(folder, 'program');
  try {
    writeFileSync(path, createFile());
    expect(findElfSection(path, '.first')).toEqual({ offset: 0x1_0000_0000, length: 77 });
    expect(findElfSection(path, '.names')?.offset).toBe(64);
    expect(findElfSection(path, '.firs')).toBeNull();
    writeFileSync(path, createFile().fill(1, 4, 5));
    expect(findElfSection(path, '.first')).toBeNull();
    writeFileSync(path, 'no program at all');
    expect(findElfSection(path, '.first')).toBeNull();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
