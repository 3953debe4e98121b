// The plain version of the request parser: regular expressions over the whole text, no cursor, no table. Slow and
// short; the oracle of the property tests. Only messages that are complete in one piece.

export interface PlainRequest {
  readonly method: string;
  readonly target: string;
  readonly version: number;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly rest: string;
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const requestLine = new RegExp(`^(${token}) ([!-"$-~]+) HTTP/1\\.([01])$`);
const fieldLine = new RegExp(`^(${token}):[ \\t]*([\\t\\x20-\\x7e\\x80-\\xff]*)$`);
const authority = /^(?:[-._~0-9A-Za-z]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?$/;
const absolute = /^https?:\/\/([^/?]*)([/?].*)?$/i;
const chunkExtension = `(?:[ \\t]*;[ \\t]*${token}(?:[ \\t]*=[ \\t]*(?:${token}|"(?:[\\t\\x20-!#-\\[\\]-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"))?)*`;
const chunkLine = new RegExp(`^([0-9A-Fa-f]+)${chunkExtension}$`);

/** The first request of `raw`, or null when it is refused or incomplete. */
export function parseRequestPlain(raw: string): PlainRequest | null {
  const text = raw.startsWith('\r\n') ? raw.slice(2) : raw;
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return null;
  const lines = text.slice(0, headEnd).split('\r\n');
  const start = requestLine.exec(lines[0]!);
  const fields = parseFieldsPlain(lines.slice(1));
  if (start === null || fields === null) return null;
  const [, method, target, minor] = start as unknown as [string, string, string, string];
  if (
    !isTargetPlain(method, target) ||
    !areFramedPlain(fields, minor === '1', minor === '1' || !absolute.test(target))
  )
    return null;
  const rest = text.slice(headEnd + 4);
  const body = parseBodyPlain(fields, rest);
  if (minor === '1' && asksForTunnelPlain(fields)) return null;
  return body === null ? null : { method, target, version: Number(minor), fields, ...body };
}

function parseFieldsPlain(lines: readonly string[]): [string, string][] | null {
  const fields: [string, string][] = [];
  for (const line of lines) {
    const match = fieldLine.exec(line);
    if (match === null) return null;
    fields.push([match[1]!.toLowerCase(), match[2]!.replace(/[ \t]+$/, '')]);
  }
  return fields.length <= 100 ? fields : null;
}

function isTargetPlain(method: string, target: string): boolean {
  if (method === 'CONNECT' || method === 'PRI' || method.length > 32) return false;
  if (target.startsWith('/')) return true;
  if (target === '*') return method === 'OPTIONS';
  const match = absolute.exec(target);
  return match !== null && isAuthorityPlain(match[1]!);
}

function isAuthorityPlain(value: string): boolean {
  if (!authority.test(value)) return false;
  const port = /:([0-9]+)$/.exec(value.replace(/^\[[^\]]*\]/, ''));
  return port === null || Number(port[1]) < 65536;
}

function valuesOf(fields: readonly (readonly [string, string])[], name: string): string[] {
  return fields.filter((field) => field[0] === name).map((field) => field[1]);
}

function areFramedPlain(
  fields: readonly (readonly [string, string])[],
  isHttp11: boolean,
  needsHost: boolean,
): boolean {
  const hosts = valuesOf(fields, 'host');
  const lengths = valuesOf(fields, 'content-length');
  const codings = valuesOf(fields, 'transfer-encoding');
  if (hosts.length > 1 || (hosts.length === 0 && needsHost) || !hosts.every(isAuthorityPlain)) return false;
  if (lengths.length + codings.length > 1) return false;
  if (!lengths.every((value) => /^(0|[1-9][0-9]{0,15})$/.test(value) && Number.isSafeInteger(Number(value))))
    return false;
  if (codings.length === 1 && (!isHttp11 || codings[0]!.toLowerCase() !== 'chunked')) return false;
  const options = valuesOf(fields, 'connection').flatMap((value) =>
    value.split(',').map((one) => one.replace(/^[ \t]+|[ \t]+$/g, '')),
  );
  return options.every(
    (one) =>
      one === '' ||
      (new RegExp(`^${token}$`).test(one) && !/^(host|content-length|transfer-encoding)$/i.test(one)),
  );
}

function asksForTunnelPlain(fields: readonly (readonly [string, string])[]): boolean {
  const [wanted = ''] = valuesOf(fields, 'upgrade');
  const named = valuesOf(fields, 'connection').some((value) => /(^|,)[ \t]*upgrade[ \t]*(,|$)/i.test(value));
  const lengths = valuesOf(fields, 'content-length').map(Number);
  const hasBody = valuesOf(fields, 'transfer-encoding').length > 0 || lengths.some((length) => length > 0);
  return named && !hasBody && !/^(h2c)?$/i.test(wanted);
}

function parseBodyPlain(
  fields: readonly (readonly [string, string])[],
  rest: string,
): { body: string; rest: string } | null {
  if (valuesOf(fields, 'transfer-encoding').length === 1) return parseChunksPlain(rest);
  const length = Number(valuesOf(fields, 'content-length')[0] ?? 0);
  return rest.length < length ? null : { body: rest.slice(0, length), rest: rest.slice(length) };
}

function parseChunksPlain(text: string): { body: string; rest: string } | null {
  let body = '';
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    const match = lineEnd === -1 ? null : chunkLine.exec(text.slice(at, lineEnd));
    const size = match === null ? Number.NaN : Number.parseInt(match[1]!, 16);
    if (!Number.isSafeInteger(size)) return null;
    at = lineEnd + 2;
    if (size === 0) return parseTrailersPlain(text, at, body);
    if (text.slice(at + size, at + size + 2) !== '\r\n') return null;
    body += text.slice(at, at + size);
    at += size + 2;
  }
}

function parseTrailersPlain(text: string, at: number, body: string): { body: string; rest: string } | null {
  if (text.startsWith('\r\n', at)) return { body, rest: text.slice(at + 2) };
  const end = text.indexOf('\r\n\r\n', at);
  const fields = end === -1 ? null : parseFieldsPlain(text.slice(at, end).split('\r\n'));
  if (fields === null || fields.some(([name]) => /^(host|content-length|transfer-encoding)$/.test(name)))
    return null;
  return { body, rest: text.slice(end + 4) };
}
