// Cuts a set of file descriptors down to the listed types: fields of other types, options, other services and unused
// imports go. What is left generates code that decodes the kept fields exactly as the full API would and keeps the rest
// as unknown fields.

import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
  FileDescriptorSet,
} from '@bufbuild/protobuf/wkt';

const wellKnown = 'google.protobuf';

/** Prunes in place; returns the kept names that exist nowhere, which is a fault of the list. */
export function pruneDescriptors(
  set: FileDescriptorSet,
  kept: Readonly<Record<string, readonly string[]>>,
): readonly string[] {
  const keep = new Set(
    Object.entries(kept).flatMap(([name, types]) => types.map((type) => `.${name}.${type}`)),
  );
  const found = new Map<string, string>();
  for (const file of set.file) {
    if (file.package !== wellKnown) pruneFile(file, keep);
    forEachType(file, (name) => found.set(name, file.name));
  }
  for (const file of set.file) {
    if (file.package !== wellKnown) file.dependency = findDependencies(file, found);
  }
  const used = new Set(set.file.flatMap((file) => (isEmpty(file) ? [] : [file.name, ...file.dependency])));
  set.file = set.file.filter((file) => used.has(file.name) && !isEmpty(file));
  return [...keep].filter((name) => !found.has(name));
}

function pruneFile(file: FileDescriptorProto, keep: ReadonlySet<string>): void {
  const scope = file.package === '' ? '' : `.${file.package}`;
  delete file.options;
  delete file.sourceCodeInfo;
  file.service = file.service.filter(({ name }) => keep.has(`${scope}.${name}`));
  for (const service of file.service) {
    delete service.options;
    for (const method of service.method) delete method.options;
  }
  file.extension = [];
  file.publicDependency = [];
  file.weakDependency = [];
  file.messageType = pruneMessages(file.messageType, scope, keep);
  file.enumType = pruneEnums(file.enumType, scope, keep);
}

function pruneMessages(
  messages: readonly DescriptorProto[],
  scope: string,
  keep: ReadonlySet<string>,
): DescriptorProto[] {
  return messages.filter((message) => {
    const name = `${scope}.${message.name}`;
    const isMapEntry = message.options?.mapEntry === true;
    if (!isMapEntry && !keep.has(name)) return false;
    message.nestedType = pruneMessages(message.nestedType, name, keep);
    message.enumType = pruneEnums(message.enumType, name, keep);
    const entries = new Set(message.nestedType.map((nested) => `${name}.${nested.name}`));
    message.field = message.field.filter((field) => isKept(field, keep, entries));
    for (const field of message.field) pruneFieldOptions(field);
    message.extension = [];
    message.extensionRange = [];
    message.reservedName = [];
    message.reservedRange = [];
    if (!isMapEntry) delete message.options;
    dropEmptyOneofs(message);
    // A map whose value type is cut leaves an entry without a value: the entry goes, and with it the field (isKept of
    // the outer message).
    return !isMapEntry || message.field.length === 2;
  });
}

function pruneEnums(
  enums: readonly EnumDescriptorProto[],
  scope: string,
  keep: ReadonlySet<string>,
): EnumDescriptorProto[] {
  return enums.filter((item) => {
    for (const value of item.value) delete value.options;
    return keep.has(`${scope}.${item.name}`);
  });
}

function isKept(
  field: FieldDescriptorProto,
  keep: ReadonlySet<string>,
  entries: ReadonlySet<string>,
): boolean {
  const type = field.typeName;
  return type === '' || type.startsWith(`.${wellKnown}.`) || keep.has(type) || entries.has(type);
}

function pruneFieldOptions(field: FieldDescriptorProto): void {
  const { options } = field;
  delete field.options;
  if (options !== undefined && Object.hasOwn(options, 'packed') && !options.packed)
    throw new Error(`${field.name} is not packed: keep its options`);
}

function dropEmptyOneofs(message: DescriptorProto): void {
  const used = message.oneofDecl.map((_, index) => hasMember(message, index));
  // A kept oneof moves down by the dropped ones before it.
  const moved = used.map((_, index) => used.slice(0, index).filter(Boolean).length);
  message.oneofDecl = message.oneofDecl.filter((_, index) => used[index]);
  for (const declared of message.oneofDecl) delete declared.options;
  for (const field of message.field) {
    if (hasOneof(field)) field.oneofIndex = moved[field.oneofIndex]!;
  }
}

function hasMember(message: DescriptorProto, index: number): boolean {
  return message.field.some((field) => isMember(field, index));
}

function isMember(field: FieldDescriptorProto, index: number): boolean {
  return hasOneof(field) && field.oneofIndex === index;
}

function hasOneof(field: FieldDescriptorProto): boolean {
  return Object.hasOwn(field, 'oneofIndex');
}

function findDependencies(file: FileDescriptorProto, found: ReadonlyMap<string, string>): string[] {
  const needed = new Set<string>();
  const visit = (message: DescriptorProto): void => {
    for (const field of message.field) {
      const owner = found.get(field.typeName);
      if (owner !== undefined && owner !== file.name) needed.add(owner);
    }
    message.nestedType.forEach(visit);
  };
  file.messageType.forEach(visit);
  for (const { inputType, outputType } of file.service.flatMap(({ method }) => method)) {
    for (const type of [inputType, outputType]) {
      const owner = found.get(type);
      if (owner !== undefined && owner !== file.name) needed.add(owner);
    }
  }
  return [...needed].sort();
}

function forEachType(file: FileDescriptorProto, visit: (name: string) => void): void {
  const scope = file.package === '' ? '' : `.${file.package}`;
  const walk = (message: DescriptorProto, outer: string): void => {
    const name = `${outer}.${message.name}`;
    visit(name);
    for (const nested of message.nestedType) walk(nested, name);
    for (const item of message.enumType) visit(`${name}.${item.name}`);
  };
  for (const message of file.messageType) walk(message, scope);
  for (const item of file.enumType) visit(`${scope}.${item.name}`);
  for (const service of file.service) visit(`${scope}.${service.name}`);
}

function isEmpty(file: FileDescriptorProto): boolean {
  return file.messageType.length === 0 && file.enumType.length === 0 && file.service.length === 0;
}
