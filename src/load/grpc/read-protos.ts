// .proto files and what they import, as descriptors. protobufjs reads the text; what names mean is settled here, over
// all files together.

import { create, createFileRegistry, type DescFile, type FileRegistry } from '@bufbuild/protobuf';
import * as wellKnown from '@bufbuild/protobuf/wkt';
import {
  type FileDescriptorProto,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import protobuf from 'protobufjs';
import { fail, type Issue, ok, type Result } from '../../base/index.ts';
import { loadLimits } from '../limits.ts';
import { describeProto, listTypes, type TypeKind, UnknownTypeError } from './describe-proto.ts';
import type { ProtoFile, ProtoNode } from './proto-syntax.ts';

/** The text of a file; null without such a file. */
export type ReadText = (path: string) => string | null;

export interface ProtoSources {
  readonly files: readonly string[];
  /** Where imports are looked for, before the folder of the file itself. */
  readonly importPaths: readonly string[];
  readonly read: ReadText;
}

export function readProtos(sources: ProtoSources): Result<FileRegistry> {
  const loading = new Loading(sources);
  for (const path of sources.files) loading.addRoot(path);
  return loading.issues.length > 0 ? fail(loading.issues) : loading.describe();
}

/** The files that every protobuf compiler has in itself, by name. */
const builtIn: ReadonlyMap<string, DescFile> = new Map(
  Object.values(wellKnown as Readonly<Record<string, unknown>>)
    .filter(isFile)
    .map((file) => [`${file.name}.proto`, file]),
);

function isFile(value: unknown): value is DescFile {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'file';
}

class Loading {
  readonly issues: Issue[] = [];
  private readonly sources: ProtoSources;
  private readonly paths: string[];
  /** By the name that imports use; null: it is being read, or could not be. */
  private readonly files = new Map<string, ProtoFile | null>();
  /** In an order in which every file comes after those it imports. */
  private readonly ordered: ProtoFile[] = [];
  private readonly known = new Map<string, DescFile>();

  constructor(sources: ProtoSources) {
    this.sources = sources;
    this.paths = [...sources.importPaths];
  }

  addRoot(path: string): void {
    const text = this.sources.read(path);
    if (text === null) {
      this.report(path, '', 'cannot be read', '');
      return;
    }
    const from = this.paths.find((folder) => path.startsWith(`${folder.replace(/\/$/, '')}/`));
    const folder = from ?? (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.');
    if (from === undefined && !this.paths.includes(folder)) this.paths.push(folder);
    const name = path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
    if (!this.files.has(name)) this.add(name, path, text);
  }

  describe(): Result<FileRegistry> {
    const types = new Map<string, TypeKind>();
    for (const { proto } of this.known.values())
      for (const [name, kind] of listBuiltIn(proto)) types.set(name, kind);
    for (const file of this.ordered) for (const [name, kind] of listTypes(file)) types.set(name, kind);
    const described = [...this.known.values()].map(({ proto }) => proto);
    for (const file of this.ordered) {
      try {
        described.push(describeProto(file, (name) => types.get(name) ?? null));
      } catch (error) {
        this.reportError(file.name, error);
      }
    }
    return this.issues.length > 0
      ? fail(this.issues)
      : this.link(create(FileDescriptorSetSchema, { file: described }));
  }

  private link(set: FileDescriptorSet): Result<FileRegistry> {
    try {
      return ok(createFileRegistry(set));
    } catch (error) {
      this.reportError(this.sources.files.join(', '), error);
      return fail(this.issues);
    }
  }

  private add(name: string, path: string, text: string): void {
    this.files.set(name, null);
    if (this.files.size > loadLimits.protoFilesMax) {
      this.report(path, '', `must not need more than ${loadLimits.protoFilesMax} files`, '');
      return;
    }
    const file = this.parse(name, path, text);
    if (file === null) return;
    for (const imported of file.imports) this.import(imported, path);
    this.files.set(name, file);
    this.ordered.push(file);
  }

  private import(name: string, importer: string): void {
    if (this.files.has(name) || this.known.has(name)) return;
    for (const folder of this.paths) {
      const path = folder === '.' ? name : `${folder.replace(/\/$/, '')}/${name}`;
      const text = this.sources.read(path);
      if (text !== null) {
        this.add(name, path, text);
        return;
      }
    }
    const file = builtIn.get(name);
    if (file !== undefined) this.addBuiltIn(file);
    else this.report(importer, 'import', `must be in one of ${this.paths.join(', ')}`, name);
  }

  private addBuiltIn(file: DescFile): void {
    for (const dependency of file.dependencies) this.addBuiltIn(dependency);
    this.known.set(`${file.name}.proto`, file);
  }

  private parse(name: string, path: string, text: string): ProtoFile | null {
    try {
      return parseProto(name, text);
    } catch (error) {
      this.reportError(path, error);
      return null;
    }
  }

  private reportError(object: string, error: unknown): void {
    if (error instanceof UnknownTypeError)
      this.report(object, error.scope, 'must have a type that one of the files defines', error.type);
    else {
      const text = error instanceof Error ? error.message : String(error);
      const [, rule = text, line = ''] = /^(.*) \(line (\d+)\)$/.exec(text) ?? [];
      this.report(object, line === '' ? '' : `line ${line}`, `is no .proto file: ${rule}`, '');
    }
  }

  private report(object: string, field: string, rule: string, value: string): void {
    this.issues.push({ object, field, rule, value });
  }
}

/** Throws what protobufjs finds wrong. */
function parseProto(name: string, text: string): ProtoFile {
  const root = new protobuf.Root();
  const parsed = protobuf.parse(text, root, { keepCase: true });
  const packageName = parsed.package ?? '';
  const tree = root.toJSON() as ProtoNode;
  const inPackage = packageName
    .split('.')
    .reduce<ProtoNode>((node, part) => (part === '' ? node : (node.nested?.[part] ?? {})), tree);
  // protobufjs says it of each definition, and not where it is proto3.
  const [first] = Object.values(inPackage.nested ?? {});
  const edition = first?.edition ?? 'proto3';
  const older = edition === 'proto2' || edition === 'proto3';
  return {
    name,
    syntax: older ? edition : 'editions',
    edition: older ? '' : edition,
    package: packageName,
    imports: parsed.imports ?? [],
    root: inPackage,
  };
}

function listBuiltIn(file: FileDescriptorProto): readonly (readonly [string, TypeKind])[] {
  return [
    ...file.messageType.map(({ name }) => [`${file.package}.${name}`, 'message'] as const),
    ...file.enumType.map(({ name }) => [`${file.package}.${name}`, 'enum'] as const),
  ];
}
