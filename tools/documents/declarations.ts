// TypeScript interfaces as data, read from the text of a file: for pages that say what a JSON answer holds. Reads what
// the formatter leaves of readonly interfaces and type aliases, which is all that such files have; anything else fails.

export interface Member {
  readonly name: string;
  readonly optional: boolean;
  /** As written, on one line. */
  readonly type: string;
  /** Of an object written in place, alone or as the items of a list. */
  readonly members: readonly Member[] | null;
  /** The comment before it, as one line; empty: none. */
  readonly doc: string;
}

export interface Declaration {
  readonly name: string;
  readonly doc: string;
  readonly extends: readonly string[];
  /** Null: an alias of `type`. */
  readonly members: readonly Member[] | null;
  readonly type: string;
}

/** Null: the file does not declare it. */
export function readDeclaration(source: string, name: string): Declaration | null {
  const head = new RegExp(`^export (?:interface ${name}(?: extends ([\\w, ]+))? \\{|(type) ${name} =)`, 'm');
  const found = head.exec(source);
  if (found === null) return null;
  const [all, parents = '', alias] = found;
  const doc = commentBefore(source, found.index);
  const reader = new Reader(source, found.index + all.length);
  if (alias !== undefined) return { name, doc, extends: [], members: null, type: reader.readType() };
  return {
    name,
    doc,
    extends: parents === '' ? [] : parents.split(', '),
    members: reader.readMembers(),
    type: '',
  };
}

function commentBefore(source: string, at: number): string {
  const found = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n$/.exec(source.slice(0, at));
  return found === null ? '' : plainComment(found[1]!);
}

function plainComment(text: string): string {
  return text
    .replaceAll(/^\s*\* ?/gm, '')
    .replaceAll(/\{@link (\w+)\}/g, '`$1`')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

class Reader {
  private readonly source: string;
  private at: number;

  constructor(source: string, at: number) {
    this.source = source;
    this.at = at;
  }

  /** Up to the brace that closes them. */
  readMembers(): readonly Member[] {
    const members: Member[] = [];
    let doc = '';
    for (;;) {
      const comment = this.take(/\s*(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/|\/\/(.*))/y);
      if (comment !== null) doc = plainComment(comment[1] ?? '');
      else if (this.take(/\s*\}/y) !== null) return members;
      else {
        members.push(this.readMember(doc));
        doc = '';
      }
    }
  }

  private readMember(doc: string): Member {
    const name = this.take(/\s*(?:readonly )?(\w+)(\??): ?/y);
    if (name === null) throw new Error(`not a member: ${this.source.slice(this.at, this.at + 80)}`);
    const list = this.take(/(?:readonly )?\{/y);
    if (list === null)
      return { name: name[1]!, optional: name[2] === '?', type: this.readType(), members: null, doc };
    const members = this.readMembers();
    const rest = this.readType();
    return { name: name[1]!, optional: name[2] === '?', type: `{}${rest}`, members, doc };
  }

  /** Up to its semicolon, or to the brace that closes the object around it. */
  readType(): string {
    const from = this.at;
    let text = '';
    for (let depth = 0; ; this.at++) {
      const comment = this.take(/\/\*\*(?:(?!\*\/)[\s\S])*\*\//y);
      // Those of members are read with them, those between the variants of a union are nobody's.
      if (comment !== null && depth > 0) text += comment[0];
      const one = this.source[this.at];
      if (one === undefined) throw new Error(`no end of a type: ${this.source.slice(from, from + 80)}`);
      if (depth === 0 && ';}'.includes(one)) break;
      if ('{(['.includes(one)) depth++;
      if ('})]'.includes(one)) depth--;
      text += one;
    }
    if (this.source[this.at] === ';') this.at++;
    return text.replaceAll(/\s+/g, ' ').trim().replace(/^\| /, '');
  }

  private take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source);
    if (found !== null) this.at = pattern.lastIndex;
    return found;
  }
}
