// Edits of a path's parameters. What they do not name stays to the letter, where it is: Envoy decodes all of them and
// writes them as they come out, so that an escaped & ends a value and an escaped space the target.

export interface QueryStep {
  readonly kind: 'remove' | 'add' | 'set' | 'add-if-absent' | 'set-if-present';
  /** Decoded. */
  readonly name: string;
}

interface Parameter {
  readonly raw: string;
  /** Decoded; null: not asked for yet. */
  name: string | null;
}

/** `write`: not encoded, of bytes as latin1; asked for what is written alone. */
export function editQuery<S extends QueryStep>(
  path: string,
  steps: readonly S[],
  write: (step: S) => string,
): string {
  const hashAt = path.indexOf('#');
  const end = hashAt < 0 ? path.length : hashAt;
  const queryAt = path.slice(0, end).indexOf('?');
  const query = queryAt < 0 ? '' : path.slice(queryAt + 1, end);
  let parameters = query === '' ? [] : query.split('&').map((raw): Parameter => ({ raw, name: null }));
  for (const step of steps) parameters = edit(parameters, step, write);
  const made = parameters.map(({ raw }) => raw).join('&');
  const bare = path.slice(0, queryAt < 0 ? end : queryAt);
  return `${bare}${made === '' ? '' : `?${made}`}${path.slice(end)}`;
}

function edit<S extends QueryStep>(
  parameters: Parameter[],
  step: S,
  write: (step: S) => string,
): Parameter[] {
  const { kind, name } = step;
  const at = parameters.findIndex((one) => isNamed(one, name));
  if (kind === 'remove') return at < 0 ? parameters : parameters.filter((one) => !isNamed(one, name));
  if (kind === 'add-if-absent' ? at >= 0 : kind === 'set-if-present' && at < 0) return parameters;
  const written = { raw: `${encode(name)}=${encode(write(step))}`, name };
  if (at < 0 || kind === 'add') return [...parameters, written];
  return parameters.flatMap((one, index) => {
    if (index === at) return [written];
    return isNamed(one, name) ? [] : [one];
  });
}

function isNamed(parameter: Parameter, name: string): boolean {
  parameter.name ??= decode(parameter.raw.split('=', 1)[0] ?? '');
  return parameter.name === name;
}

/** An escape that is none stays as it is. */
function decode(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}

/** All but the unreserved (RFC 3986 section 2.3). */
function encode(text: string): string {
  return text.replace(/[^A-Za-z0-9\-._~]/g, (character) => {
    const code = character.charCodeAt(0) & 0xff;
    return `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
  });
}
