// A parsed .proto file as protobuf's own description of it (google/protobuf/descriptor.proto), the same that a server's
// reflection tells: from there on both ways are one.

import { fromJson, type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import { protoCamelCase } from '@bufbuild/protobuf/reflect';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { ProtoField, ProtoFile, ProtoNode } from './proto-syntax.ts';

/** What a full name stands for; a group is a message with an encoding of its own. */
export type TypeKind = 'message' | 'enum' | 'group';

/** null: nothing that is known. */
export type FindKind = (fullName: string) => TypeKind | null;

/** A file names a type that nothing defines. */
export class UnknownTypeError extends Error {
  override readonly name = 'UnknownTypeError';
  readonly type: string;
  readonly scope: string;

  constructor(type: string, scope: string) {
    super(`${scope} has the type ${type}, which no file defines`);
    this.type = type;
    this.scope = scope;
  }
}

/** The names that a file defines. */
export function listTypes(file: ProtoFile): ReadonlyMap<string, TypeKind> {
  const found = new Map<string, TypeKind>();
  const walk = (node: ProtoNode, scope: string): void => {
    for (const [name, child] of Object.entries(node.nested ?? {})) {
      const fullName = join(scope, name);
      if (child.fields !== undefined) found.set(fullName, child.group === true ? 'group' : 'message');
      else if (child.values !== undefined) found.set(fullName, 'enum');
      walk(child, fullName);
    }
  };
  walk(file.root, file.package);
  return found;
}

/** Throws an UnknownTypeError; what descriptors do not allow is thrown as it comes. */
export function describeProto(file: ProtoFile, find: FindKind): FileDescriptorProto {
  const described = describeScope(file.root, file.package, find);
  return fromJson(FileDescriptorProtoSchema, {
    name: file.name,
    package: file.package,
    dependency: [...file.imports],
    syntax: file.syntax,
    ...(file.edition === '' ? {} : { edition: `EDITION_${file.edition}` }),
    messageType: described.messages,
    enumType: described.enums,
    service: described.services,
    extension: described.extensions,
  });
}

interface Described {
  readonly messages: JsonObject[];
  readonly enums: JsonObject[];
  readonly services: JsonObject[];
  readonly extensions: JsonObject[];
}

function describeScope(scope: ProtoNode, scopeName: string, find: FindKind): Described {
  const described: Described = { messages: [], enums: [], services: [], extensions: [] };
  for (const [name, node] of Object.entries(scope.nested ?? {})) {
    const fullName = join(scopeName, name);
    if (node.fields !== undefined) described.messages.push(describeMessage(name, node, fullName, find));
    else if (node.values !== undefined) described.enums.push(describeEnum(name, node));
    else if (node.methods !== undefined) described.services.push(describeService(name, node, fullName, find));
    else if (node.extend !== undefined)
      described.extensions.push({
        ...describeField(name, node as ProtoField, scopeName, find),
        extendee: resolve(node.extend, scopeName, find).name,
      });
  }
  return described;
}

function describeMessage(name: string, node: ProtoNode, fullName: string, find: FindKind): JsonObject {
  const inner = describeScope(node, fullName, find);
  // Those that `optional` makes of proto3 come after the written ones (descriptor.proto, proto3_optional).
  const written = Object.keys(node.oneofs ?? {});
  const oneofs = [
    ...written.filter((oneof) => !isMade(node, oneof)),
    ...written.filter((oneof) => isMade(node, oneof)),
  ];
  const fields = Object.entries(node.fields ?? {}).map(([fieldName, field]) => {
    const index = oneofs.findIndex((oneof) => node.oneofs?.[oneof]?.oneof.includes(fieldName));
    const described = describeField(fieldName, field, fullName, find);
    if (field.keyType !== undefined) inner.messages.push(describeEntry(fieldName, field, fullName, find));
    return index < 0 ? described : { ...described, oneofIndex: index };
  });
  return {
    name,
    field: fields,
    nestedType: inner.messages,
    enumType: inner.enums,
    extension: inner.extensions,
    extensionRange: (node.extensions ?? []).map(([start, end]) => ({ start, end: end + 1 })),
    oneofDecl: oneofs.map((oneof) => ({ name: oneof })),
    options: features(node.options),
  };
}

function isMade(node: ProtoNode, oneof: string): boolean {
  const [only = ''] = node.oneofs?.[oneof]?.oneof ?? [];
  return node.fields?.[only]?.options?.['proto3_optional'] === true;
}

function describeField(name: string, field: ProtoField, scope: string, find: FindKind): JsonObject {
  const { rule, options = {} } = field;
  const repeated = rule === 'repeated' || field.keyType !== undefined;
  return {
    name,
    number: field.id,
    jsonName: field.jsonName ?? protoCamelCase(name),
    label: repeated ? 'LABEL_REPEATED' : rule === 'required' ? 'LABEL_REQUIRED' : 'LABEL_OPTIONAL',
    ...(field.keyType === undefined
      ? describeType(field.type, join(scope, name), scope, find)
      : { type: 'TYPE_MESSAGE', typeName: `.${join(scope, entryName(name))}` }),
    ...(options['proto3_optional'] === true ? { proto3Optional: true } : {}),
    options: {
      ...(typeof options['packed'] === 'boolean' ? { packed: options['packed'] } : {}),
      ...features(options),
    },
  };
}

/** A map is a repeated message of a key and a value. */
function describeEntry(name: string, field: ProtoField, scope: string, find: FindKind): JsonObject {
  const part = (partName: string, number: number, type: string): JsonObject => ({
    name: partName,
    number,
    jsonName: partName,
    label: 'LABEL_OPTIONAL',
    ...describeType(type, join(scope, name), scope, find),
  });
  return {
    name: entryName(name),
    field: [part('key', 1, field.keyType ?? ''), part('value', 2, field.type)],
    options: { mapEntry: true },
  };
}

/** The name that protoc gives it. */
function entryName(field: string): string {
  const camel = protoCamelCase(field);
  return `${camel.charAt(0).toUpperCase()}${camel.slice(1)}Entry`;
}

const scalars: ReadonlySet<string> = new Set([
  ...['double', 'float', 'int64', 'uint64', 'int32', 'fixed64', 'fixed32', 'bool', 'string', 'bytes'],
  ...['uint32', 'sfixed32', 'sfixed64', 'sint32', 'sint64'],
]);

function describeType(type: string, of: string, scope: string, find: FindKind): JsonObject {
  if (scalars.has(type)) return { type: `TYPE_${type.toUpperCase()}` };
  const { name, kind } = resolve(type, scope, find, of);
  return { type: `TYPE_${kind.toUpperCase()}`, typeName: name };
}

function describeEnum(name: string, node: ProtoNode): JsonObject {
  return {
    name,
    value: Object.entries(node.values ?? {}).map(([value, number]) => ({ name: value, number })),
    options: {
      ...(node.options?.['allow_alias'] === true ? { allowAlias: true } : {}),
      ...features(node.options),
    },
  };
}

function describeService(name: string, node: ProtoNode, fullName: string, find: FindKind): JsonObject {
  return {
    name,
    method: Object.entries(node.methods ?? {}).map(([method, { requestType, responseType, ...streams }]) => ({
      name: method,
      inputType: resolve(requestType, fullName, find, join(fullName, method)).name,
      outputType: resolve(responseType, fullName, find, join(fullName, method)).name,
      clientStreaming: streams.requestStream === true,
      serverStreaming: streams.responseStream === true,
    })),
  };
}

/** How an edition's messages are encoded; other options say nothing about bytes. */
function features(options: Readonly<Record<string, unknown>> | undefined): JsonObject {
  const given = options?.['features'];
  return given === undefined ? {} : { features: given as JsonValue };
}

/** From the innermost scope outwards, as C++ does it (protobuf language guide, "Packages and Name Resolution"). */
function resolve(
  type: string,
  scope: string,
  find: FindKind,
  of = scope,
): { readonly name: string; readonly kind: TypeKind } {
  const scopes = type.startsWith('.') ? [''] : outwards(scope);
  for (const at of scopes) {
    const name = join(at, type.replace(/^\./, ''));
    const kind = find(name);
    if (kind !== null) return { name: `.${name}`, kind };
  }
  throw new UnknownTypeError(type, of);
}

function outwards(scope: string): readonly string[] {
  const parts = scope.split('.');
  return parts.map((_, left) => parts.slice(0, parts.length - left).join('.')).concat('');
}

function join(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}
