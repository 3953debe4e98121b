// The fields of a JSON answer, with every path that can occur in it, from the interfaces that its code is typed by.

import { readFileSync } from 'node:fs';
import { type Declaration, type Member, readDeclaration } from './declarations.ts';

export interface JsonField {
  /** `services[].ports[].id`; `{}` stands for any name. */
  readonly path: string;
  /** `text`, `number`, `true or false`, `object`, `list of …`, or the texts that occur. */
  readonly type: string;
  readonly nullable: boolean;
  readonly optional: boolean;
  readonly doc: string;
}

export interface JsonRoot {
  /** Of the declaration that the answer is typed by; `list`: it is a list of these. */
  readonly name: string;
  readonly list?: boolean;
  /** Where it and all that it refers to are declared. */
  readonly files: readonly string[];
  /** Types that a page of their own describes, by name. */
  readonly elsewhere?: Readonly<Record<string, string>>;
}

/** Throws for a field without a description: nobody would know what it means. */
export function listJsonFields({
  name,
  list = false,
  files,
  elsewhere = {},
}: JsonRoot): readonly JsonField[] {
  const lister = new Lister(
    files.map((path) => readFileSync(path, 'utf8')),
    elsewhere,
  );
  lister.addDeclaration(list ? '[].' : '', name);
  return lister.fields;
}

class Lister {
  readonly fields: JsonField[] = [];
  private readonly sources: readonly string[];
  private readonly elsewhere: Readonly<Record<string, string>>;

  constructor(sources: readonly string[], elsewhere: Readonly<Record<string, string>>) {
    this.sources = sources;
    this.elsewhere = elsewhere;
  }

  /** `prefix`: the path before its fields, with what joins them. */
  addDeclaration(prefix: string, name: string): void {
    const found = this.find(name);
    if (found === null) throw new Error(`${name} is declared in none of the files`);
    for (const parent of found.extends) this.addDeclaration(prefix, parent);
    for (const member of found.members ?? variantsOf(found)) this.addMember(prefix, member);
  }

  private find(name: string): Declaration | null {
    if (!/^\w+$/.test(name)) return null;
    for (const source of this.sources) {
      const found = readDeclaration(source, name);
      if (found !== null) return found;
    }
    return null;
  }

  private addMember(prefix: string, member: Member): void {
    const { name, optional, doc, members } = member;
    const path = prefix + name;
    const parts = splitUnion(member.type);
    const nullable = parts.includes('null');
    const type = parts.filter((part) => part !== 'null' && part !== 'undefined').join(' | ');
    const { inner, suffix } = unwrap(type);
    const known = this.find(inner);
    const isObject = members !== null || (known !== null && isObjectType(known));
    const text = doc !== '' ? doc : (known?.doc ?? '');
    if (text === '') throw new Error(`${path} has no description`);
    const shown = this.elsewhere[inner] ?? (isObject ? 'object' : this.describe(inner));
    if (!this.fields.some((field) => field.path === path))
      this.fields.push({ path, type: listed(shown, suffix), nullable, optional, doc: text });
    const below = `${path}${suffix}.`;
    if (members !== null) for (const one of members) this.addMember(below, one);
    else if (isObject && this.elsewhere[inner] === undefined) this.addDeclaration(below, inner);
  }

  private describe(type: string): string {
    const indexed = /^(\w+)\['(\w+)'\]$/.exec(type);
    if (indexed !== null) return this.describe(this.typeOfMember(indexed[1]!, indexed[2]!));
    const plain = { string: 'text', number: 'number', boolean: 'true or false' }[type];
    if (plain !== undefined) return plain;
    const alias = this.find(type)?.type;
    if (alias !== undefined) return this.describe(alias);
    return splitUnion(type)
      .map((one) => (/^'/.test(one) ? `\`${one.slice(1, -1)}\`` : this.describe(one)))
      .join(', ');
  }

  private typeOfMember(name: string, field: string): string {
    const found = this.find(name);
    const members = found === null ? [] : (found.members ?? variantsOf(found));
    const member = members.find((one) => one.name === field);
    if (member === undefined) throw new Error(`${name} has no ${field}`);
    return member.type;
  }
}

/** An alias of several objects: the fields of all of them, each with whatever it may be. */
function variantsOf({ name, type }: Declaration): readonly Member[] {
  const variants = splitUnion(type).map(
    (variant) => readDeclaration(`export interface ${name} ${variant}`, name)?.members ?? [],
  );
  const all = variants.flat();
  const names = new Set(all.map((member) => member.name));
  return [...names].map((one) => {
    const same = all.filter((member) => member.name === one);
    const optional = same.length < variants.length || same.some((member) => member.optional);
    return { ...same[0]!, optional, type: [...new Set(same.map((member) => member.type))].join(' | ') };
  });
}

function isObjectType({ members, type }: Declaration): boolean {
  return members !== null || type.startsWith('{');
}

function splitUnion(type: string): readonly string[] {
  const parts: string[] = [];
  let [depth, from] = [0, 0];
  for (let at = 0; at < type.length; at++) {
    if (type.startsWith('/**', at)) at = type.indexOf('*/', at) + 2;
    if ('{(<['.includes(type[at]!)) depth++;
    if ('})>]'.includes(type[at]!)) depth--;
    if (type[at] === '|' && depth === 0) {
      parts.push(type.slice(from, at).trim());
      from = at + 1;
    }
  }
  return [...parts, type.slice(from).trim()];
}

/** A list's item, a map's value: what it is, and what the path shows for it. */
function unwrap(type: string): { readonly inner: string; readonly suffix: string } {
  const map = /^Readonly<Record<string, (.*)>>$/.exec(type);
  if (map !== null) return { inner: map[1]!, suffix: '.{}' };
  const list = /^(?:readonly )?(.*)\[\]$/.exec(type);
  return list === null ? { inner: type, suffix: '' } : { inner: list[1]!, suffix: '[]' };
}

function listed(type: string, suffix: string): string {
  if (suffix === '[]') return type === 'object' ? 'list' : `list of ${type}`;
  return suffix === '.{}' ? 'object by name' : type;
}
