// The generated descriptors by what reflection is asked for: files, and the symbols in them.

import { type DescFile, type DescMessage, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { genFiles } from '../gen-files.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';

export interface EncodedFile {
  readonly name: string;
  /** As an element of FileDescriptorResponse. */
  readonly element: Uint8Array;
}

export interface DescriptorIndex {
  /** ListServiceResponse. */
  readonly services: Uint8Array;
  /** The file that defines a message, enum, service, field, value or method; null: none. */
  fileOf(symbol: string): string | null;
  isMessage(name: string): boolean;
  /** The file first, then what it imports, itself or by others; null: there is no such file. */
  withImports(file: string): readonly EncodedFile[] | null;
}

export function createDescriptorIndex(): DescriptorIndex {
  return new Index();
}

class Index implements DescriptorIndex {
  readonly services: Uint8Array;
  private readonly files = new Map<string, DescFile>();
  private readonly encoded = new Map<string, EncodedFile>();
  private readonly symbols = new Map<string, string>();
  private readonly messages = new Set<string>();

  constructor() {
    for (const file of genFiles) this.add(file);
    const writer = new WireWriter();
    const names = genFiles.flatMap(({ services }) => services.map(({ typeName }) => typeName));
    for (const name of names.sort()) {
      const service = new WireWriter();
      service.string(1, name);
      writer.bytes(1, service.finish());
    }
    this.services = writer.finish();
  }

  fileOf(symbol: string): string | null {
    return this.symbols.get(symbol) ?? null;
  }

  isMessage(name: string): boolean {
    return this.messages.has(name);
  }

  withImports(file: string): readonly EncodedFile[] | null {
    const root = this.files.get(file);
    if (root === undefined) return null;
    const found = new Set<DescFile>([root]);
    // A set grows while it is walked.
    for (const one of found) for (const dependency of one.dependencies) found.add(dependency);
    return [...found].map((one) => this.encode(one));
  }

  private encode(file: DescFile): EncodedFile {
    const { name } = file.proto;
    const known = this.encoded.get(name);
    if (known !== undefined) return known;
    const bytes = toBinary(FileDescriptorProtoSchema, file.proto);
    const writer = new WireWriter(bytes.length + 16);
    writer.bytes(1, bytes);
    const encoded = { name, element: writer.finish() };
    this.encoded.set(name, encoded);
    return encoded;
  }

  private add(file: DescFile): void {
    const { name } = file.proto;
    if (this.files.has(name)) return;
    this.files.set(name, file);
    for (const dependency of file.dependencies) this.add(dependency);
    for (const message of file.messages) this.addMessage(message, name);
    for (const { typeName, values, parent } of file.enums) {
      this.symbols.set(typeName, name);
      const scope = parent?.typeName ?? file.proto.package;
      // An enum's values stand in the scope of the enum (descriptor.proto).
      for (const value of values) this.symbols.set(`${scope}.${value.name}`, name);
    }
    for (const service of file.services) {
      this.symbols.set(service.typeName, name);
      for (const method of service.methods) this.symbols.set(`${service.typeName}.${method.name}`, name);
    }
  }

  private addMessage(message: DescMessage, file: string): void {
    this.symbols.set(message.typeName, file);
    this.messages.add(message.typeName);
    for (const field of message.fields) this.symbols.set(`${message.typeName}.${field.name}`, file);
    for (const nested of message.nestedMessages) this.addMessage(nested, file);
    for (const nested of message.nestedEnums) {
      this.symbols.set(nested.typeName, file);
      for (const value of nested.values) this.symbols.set(`${message.typeName}.${value.name}`, file);
    }
  }
}
