import { describe, expect, test } from 'bun:test';
import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Type,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { pruneDescriptors } from './prune.ts';

const { STRING, MESSAGE, ENUM } = FieldDescriptorProto_Type;

function createSet(): FileDescriptorSet {
  const field = (name: string, number: number, type = STRING, typeName = '', more = {}) => ({
    name,
    number,
    type,
    label: 1 as const,
    ...(typeName === '' ? {} : { typeName }),
    ...more,
  });
  return create(FileDescriptorSetSchema, {
    file: [
      {
        name: 'other.proto',
        package: 'o',
        syntax: 'proto3',
        messageType: [{ name: 'Kept' }, { name: 'Cut' }],
      },
      { name: 'unused.proto', package: 'u', syntax: 'proto3', messageType: [{ name: 'Cut' }] },
      {
        name: 'main.proto',
        package: 'm',
        syntax: 'proto3',
        dependency: ['other.proto', 'unused.proto'],
        service: [{ name: 'S' }],
        messageType: [
          {
            name: 'Root',
            options: { deprecated: true },
            field: [
              field('gone', 1, MESSAGE, '.o.Cut', { oneofIndex: 0 }),
              field('text', 2),
              field('other', 3, MESSAGE, '.o.Kept', { oneofIndex: 1 }),
              field('inner', 4, MESSAGE, '.m.Root.Inner', { oneofIndex: 1 }),
              field('level', 5, ENUM, '.m.Level'),
              field('far', 6, MESSAGE, '.u.Cut'),
              field('map', 7, MESSAGE, '.m.Root.MapEntry', { label: 3 }),
              field('lost', 8, MESSAGE, '.m.Root.LostEntry', { label: 3 }),
            ],
            oneofDecl: [{ name: 'first' }, { name: 'second' }],
            nestedType: [
              { name: 'Inner' },
              { name: 'MapEntry', options: { mapEntry: true }, field: [field('key', 1), field('value', 2)] },
              {
                name: 'LostEntry',
                options: { mapEntry: true },
                field: [field('key', 1), field('value', 2, MESSAGE, '.o.Cut')],
              },
            ],
          },
        ],
        enumType: [
          { name: 'Level', value: [{ name: 'ZERO', number: 0 }] },
          { name: 'Cut', value: [{ name: 'Z', number: 0 }] },
        ],
      },
    ],
  });
}

const kept = { m: ['Root', 'Root.Inner', 'Level'], o: ['Kept'] };

describe('pruneDescriptors', () => {
  test('keeps what is listed, and the fields whose types are kept', () => {
    const set = createSet();
    expect(pruneDescriptors(set, kept)).toEqual([]);
    expect(set.file.map(({ name, dependency }) => [name, dependency])).toEqual([
      ['other.proto', []],
      ['main.proto', ['other.proto']],
    ]);
    const root = set.file[1]!.messageType[0]!;
    expect(root.field.map(({ name }) => name)).toEqual(['text', 'other', 'inner', 'level', 'map']);
    expect(root.oneofDecl.map(({ name }) => name)).toEqual(['second']);
    expect(root.field.filter((one) => Object.hasOwn(one, 'oneofIndex')).map((one) => one.oneofIndex)).toEqual(
      [0, 0],
    );
    expect(set.file[1]!.enumType.map(({ name }) => name)).toEqual(['Level']);
    expect([set.file[1]!.service, root.options]).toEqual([[], undefined]);
  });

  test('leaves descriptors that can be used', () => {
    const set = createSet();
    pruneDescriptors(set, kept);
    const bytes = toBinary(FileDescriptorSetSchema, set);
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
    expect(registry.getMessage('m.Root')?.fields.length).toBe(5);
    expect(registry.getMessage('o.Cut')).toBeUndefined();
  });

  test('says what is listed and does not exist', () => {
    expect(pruneDescriptors(createSet(), { m: ['Root', 'Missing'] })).toEqual(['.m.Missing']);
  });
});
