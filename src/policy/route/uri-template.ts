// Envoy's templates of paths (envoy.path.match.uri_template, envoy.path.rewrite.uri_template): `/shop/{id}/{rest=**}`
// matches what a regular expression does, and `/v2/{rest}?id={id}` is its matches' replacement. Both are made into
// those, so nothing is left of them for a request.

import { fail, ok, type Result } from '../../base/index.ts';

/** What may stand in a segment (RFC 3986 pchar without `*`), as a class of a regular expression. */
const literalClass = "!$%&'()+,\\-.0-9:;=@A-Z_a-z~";
const literalText = new RegExp(`^[${literalClass}]+$`);
const rewriteText = new RegExp(`^[${literalClass}/]+$`);
const variableName = /^[A-Za-z][A-Za-z0-9_]{0,15}$/;
const variablesMax = 5;

export interface UriTemplate {
  /** Of the path without its query, as a whole. */
  readonly pattern: string;
  /** Its groups, in their order. */
  readonly variables: readonly string[];
}

/** What one segment, or a part of a variable, stands for. */
const segment = `[${literalClass}]+`;
const anySegments = `[${literalClass}/]*`;

export function parseUriTemplate(text: string): Result<UriTemplate, string> {
  if (!/^\/[!-~]*$/.test(text)) return fail('must start with a slash and be visible ASCII');
  const parser = new TemplateParser(text.slice(1));
  const pattern = parser.parse();
  return parser.fault === ''
    ? ok({ pattern: `/${pattern}`, variables: parser.variables })
    : fail(`must be a template of a path: ${parser.fault}`);
}

/** The substitution that stands for a rewrite's template; what it names must be variables of the one matched. */
export function parseTemplateRewrite(text: string, variables: readonly string[]): Result<string, string> {
  let made = '';
  for (const [part, name] of text.matchAll(/\{([^}]*)\}|[^{]+|\{/g)) {
    if (name === undefined && !rewriteText.test(part))
      return fail(
        part === '{' ? 'must close what it opens' : 'must be text of a path and variables in braces',
      );
    if (name === undefined) made += part;
    else if (!variables.includes(name)) return fail(`must name variables of the path template, not ${part}`);
    else made += `\\${variables.indexOf(name) + 1}`;
  }
  return ok(made);
}

/** The first fault is kept and ends all loops, because what is left is forgotten with it. */
class TemplateParser {
  fault = '';
  readonly variables: string[] = [];
  private rest: string;
  private anySegmentsSeen = false;

  constructor(rest: string) {
    this.rest = rest;
  }

  parse(): string {
    let pattern = '';
    while (this.rest !== '') {
      pattern += this.segment();
      if (this.rest === '/') return `${pattern}/`;
      if (this.rest.startsWith('/')) {
        pattern += '/';
        this.rest = this.rest.slice(1);
      } else if (this.rest !== '') {
        pattern += this.literal();
        if (this.rest !== '') this.refuse('what follows a variable or a star ends the template');
      }
    }
    return pattern;
  }

  private refuse(what: string): string {
    if (this.fault === '') this.fault = what;
    this.rest = '';
    return '';
  }

  private segment(): string {
    if (this.rest.startsWith('*')) return this.star();
    return this.rest.startsWith('{') ? this.variable() : this.literal();
  }

  private star(): string {
    const all = this.rest.startsWith('**');
    this.rest = this.rest.slice(all ? 2 : 1);
    return this.operator(all);
  }

  private operator(all: boolean): string {
    if (this.anySegmentsSeen) return this.refuse('nothing open may follow **');
    this.anySegmentsSeen = all;
    return all ? anySegments : segment;
  }

  private literal(): string {
    const [text = ''] = this.rest.split('/', 1);
    if (!literalText.test(text)) return this.refuse(`invalid literal ${JSON.stringify(text)}`);
    this.rest = this.rest.slice(text.length);
    return quoted(text);
  }

  /** One segment where nothing is said. */
  private variable(): string {
    const end = this.rest.indexOf('}');
    if (end < 0) return this.refuse('a brace is not closed');
    const inner = this.rest.slice(1, end);
    this.rest = this.rest.slice(end + 1);
    const equals = inner.indexOf('=');
    const name = equals < 0 ? inner : inner.slice(0, equals);
    if (!variableName.test(name))
      return this.refuse(
        `a variable has 1 to 16 letters, digits and _, and begins with a letter, not {${name}}`,
      );
    if (this.variables.includes(name)) return this.refuse(`variable ${name} comes twice`);
    if (this.variables.push(name) > variablesMax) return this.refuse(`more than ${variablesMax} variables`);
    return `(${equals < 0 ? this.operator(false) : this.variableMatch(inner.slice(equals + 1))})`;
  }

  private variableMatch(text: string): string {
    const parts = text.split('/').map((part) => {
      if (part === '*' || part === '**') return this.operator(part === '**');
      return literalText.test(part) ? quoted(part) : this.refuse(`invalid match of a variable, ${text}`);
    });
    return parts.join('/');
  }
}

/** As a pattern that means the text itself. */
function quoted(text: string): string {
  return text.replace(/[$()+.]/g, '\\$&');
}
