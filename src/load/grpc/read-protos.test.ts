import { describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DescMessage,
  type FileRegistry,
  fromBinary,
  fromJson,
  isFieldSet,
  type JsonValue,
  toBinary,
} from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldOptionsSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { formatIssue } from '../../base/index.ts';
import { readProtos } from './read-protos.ts';

function compile(files: Readonly<Record<string, string>>, importPaths: readonly string[] = []) {
  const [first = ''] = Object.keys(files);
  return readProtos({ files: [first], importPaths, read: (path) => files[path] ?? null });
}

function registryOf(files: Readonly<Record<string, string>>, importPaths?: readonly string[]): FileRegistry {
  const compiled = compile(files, importPaths);
  if (!compiled.ok) throw new Error(compiled.error.map(formatIssue).join('\n'));
  return compiled.value;
}

function encode(registry: FileRegistry, type: string, value: JsonValue): string {
  const message = registry.getMessage(type) as DescMessage;
  return Buffer.from(toBinary(message, fromJson(message, value, { registry }))).toString('hex');
}

describe('bytes of messages', () => {
  const registry = registryOf({
    'bank.proto': `
      syntax = "proto3";
      package bank.v1; // a comment
      import "google/protobuf/timestamp.proto";
      import "google/protobuf/any.proto";
      message Transfer {
        int64 pennies = 1;
        optional int32 limit = 2;
        map<string, Note> notes = 3;
        oneof to { string account = 4; Note note = 5 [json_name = "theNote"]; }
        repeated sint32 deltas = 6;
        repeated int32 apart = 7 [packed = false];
        Kind kind = 8;
        google.protobuf.Timestamp at = 9;
        bytes proof = 10;
        google.protobuf.Any more = 11;
        enum Kind { option allow_alias = true; NONE = 0; SAME = 0; FAST = 1; }
        message Note { string text = 1; .bank.v1.Transfer in = 2; }
        reserved 12 to 14, 20;
      }`,
    // By protobuf's encoding rules.
  });

  test.each<[string, JsonValue, string]>([
    ['a number of 64 bits', { pennies: '300' }, '08ac02'],
    ['an optional zero is sent', { limit: 0 }, '1000'],
    ['a map', { notes: { a: { text: 'b' } } }, '1a08' + '0a0161' + '12030a0162'],
    ['one of several', { theNote: { text: 'b' } }, '2a030a0162'],
    ['packed zigzag', { deltas: [-1, 1] }, '32020102'],
    ['not packed', { apart: [1, 2] }, '38013802'],
    ['an enum by name', { kind: 'FAST' }, '4001'],
    ['a well-known type in its own JSON', { at: '1970-01-01T00:00:01Z' }, '4a020801'],
    ['bytes', { proof: 'AQI=' }, '52020102'],
  ])('%s', (_name, value, bytes) => {
    expect(encode(registry, 'bank.v1.Transfer', value)).toBe(bytes);
  });

  test('any of its own types', () => {
    const value = { more: { '@type': 'type.googleapis.com/bank.v1.Transfer', pennies: '1' } };
    expect(encode(registry, 'bank.v1.Transfer', value)).toContain(
      Buffer.from('bank.v1.Transfer').toString('hex'),
    );
  });

  test('proto2: required, groups and extensions', () => {
    const old = registryOf({
      'old.proto': `syntax = "proto2"; package old;
        message A { required int32 x = 1 [default = 5]; optional group Part = 2 { optional int32 z = 1; } extensions 100 to 200; }
        extend A { optional int32 more = 100; }`,
    });
    expect(encode(old, 'old.A', { x: 1, part: { z: 2 }, '[old.more]': 3 })).toBe(
      '0801' + '1308021' + '4' + 'a00603',
    );
  });

  test('an edition', () => {
    const edition = registryOf({
      'e.proto': `edition = "2023"; package e; option features.field_presence = IMPLICIT;
        message A { int32 x = 1; repeated int32 y = 2 [features.repeated_field_encoding = EXPANDED]; }`,
    });
    expect(encode(edition, 'e.A', { x: 0, y: [1, 2] })).toBe('10011002');
  });
});

describe('imports', () => {
  const b = 'syntax = "proto3"; package p.q; message B { string s = 1; }';
  const a = 'syntax = "proto3"; package p; import "sub/b.proto"; message A { q.B b = 1; }';

  test('from the folder of the file', () => {
    expect(
      encode(registryOf({ 'protos/a.proto': a, 'protos/sub/b.proto': b }), 'p.A', { b: { s: 'x' } }),
    ).toBe('0a030a0178');
  });

  test('from an import path, in a circle of paths to one file', () => {
    const files = { 'root/x/a.proto': a, 'root/sub/b.proto': b };
    expect(registryOf(files, ['root']).getMessage('p.A')?.file.name).toBe('x/a');
  });

  test('names are looked for from the inside outwards', () => {
    const registry = registryOf({
      'a.proto':
        'syntax = "proto3"; package p; message M { message M { int32 inner = 1; } M m = 1; .p.M top = 2; }',
    });
    const message = registry.getMessage('p.M');
    expect(message?.fields.map((field) => field.message?.typeName)).toEqual(['p.M.M', 'p.M']);
  });
});

describe('faults', () => {
  test.each<[string, Record<string, string>, string]>([
    ['no such file', {}, 'gone.proto: cannot be read'],
    [
      'an import that is nowhere',
      { 'd/a.proto': 'import "b.proto";' },
      'd/a.proto: import: must be in one of d (got b.proto)',
    ],
    [
      'broken text',
      { 'a.proto': 'syntax = "proto3";\nmessage A { int32 x = ; }' },
      "a.proto: line 2: is no .proto file: illegal id ';'",
    ],
    [
      'a type that nothing defines',
      { 'a.proto': 'syntax = "proto3"; package p; message A { Gone x = 1; }' },
      'a.proto: p.A.x: must have a type that one of the files defines (got Gone)',
    ],
    [
      'a method with one',
      { 'a.proto': 'syntax = "proto3"; service S { rpc M (Gone) returns (Gone); }' },
      'a.proto: S.M: must have a type that one of the files defines (got Gone)',
    ],
  ])('%s', (_name, files, expected) => {
    const compiled = compile(Object.keys(files).length === 0 ? { 'gone.proto': null as never } : files);
    expect(compiled.ok ? [] : compiled.error.map(formatIssue)).toEqual([expected]);
  });

  test('too many files', () => {
    const files: Record<string, string> = {};
    for (let i = 0; i < 1_001; i++) files[`f${i}.proto`] = `import "f${i + 1}.proto";`;
    const compiled = compile(files);
    expect(compiled.ok ? '' : compiled.error.map(formatIssue).join()).toContain(
      'must not need more than 1000 files',
    );
  });
});

// Envoy's whole discovery API, 60 files with options, maps, oneofs and nested types, by buf: two compilers must agree.
test('buf says the same of the Envoy API', () => {
  const deps = join(import.meta.dir, '../../../node_modules/@grpc/grpc-js-xds/deps');
  const importPaths = ['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds'].map((name) =>
    join(deps, name),
  );
  const root = 'envoy/config/route/v3/route.proto';
  const compiled = readProtos({
    files: [join(importPaths[0]!, root)],
    importPaths,
    read(path) {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return null;
      }
    },
  });
  if (!compiled.ok) throw new Error(compiled.error.map(formatIssue).join('\n'));
  const ours = new Map([...compiled.value.files].map(({ proto }) => [proto.name, proto]));
  const theirs = buildByBuf(importPaths, root);
  expect(ours.size).toBe(theirs.file.length);
  for (const file of theirs.file) {
    const own = ours.get(file.name)!;
    expect(own.messageType.map(outline)).toEqual(file.messageType.map(outline));
    expect(own.enumType.map(({ name, value }) => [name, value.map((one) => one.number)])).toEqual(
      file.enumType.map(({ name, value }) => [name, value.map((one) => one.number)]),
    );
  }
}, 60_000);

function buildByBuf(importPaths: readonly string[], root: string) {
  const work = mkdtempSync(join(tmpdir(), 'weft-buf-'));
  try {
    for (const path of importPaths) Bun.spawnSync(['cp', '-r', `${path}/.`, work]);
    Bun.write(join(work, 'buf.yaml'), 'version: v2\n');
    const buf = join(import.meta.dir, '../../../node_modules/.bin/buf');
    const built = Bun.spawnSync([buf, 'build', '.', '-o', 'out.binpb', '--path', root], { cwd: work });
    if (!built.success) throw new Error(built.stderr.toString());
    return fromBinary(FileDescriptorSetSchema, readFileSync(join(work, 'out.binpb')));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function packedOf({ options }: FieldDescriptorProto): boolean | null {
  return options !== undefined && isFieldSet(options, FieldOptionsSchema.field.packed)
    ? options.packed
    : null;
}

/** What decides over bytes and JSON. */
function outline(message: DescriptorProto): unknown {
  return {
    name: message.name,
    fields: message.field
      .map((field) => [
        ...[
          field.name,
          field.number,
          field.jsonName,
          field.label,
          field.type,
          field.typeName,
          field.proto3Optional,
        ],
        ...[packedOf(field), message.oneofDecl[field.oneofIndex]?.name],
      ])
      .sort(),
    nested: message.nestedType
      .map(outline)
      .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
    map: message.options?.mapEntry ?? false,
  };
}
