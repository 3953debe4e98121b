// What a user may ask the load generator to send: one URL on the command line, or a scenario file with weighted requests. Both become
// the same list, and every fault in it is reported at once with its path.

import { z } from 'zod';
import { fail, type Issue, ok, type Result } from '../base/index.ts';

export interface ScenarioRequest {
  /** IP literal or name to connect to, and the port. */
  readonly host: string;
  readonly port: number;
  /** What `host` says; a header of that name in the scenario wins over the URL's. */
  readonly authority: string;
  readonly path: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | null;
  readonly weight: number;
  readonly idempotencyKey: boolean;
  readonly expects: (status: number) => boolean;
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Without control characters other than tab, so that a value cannot start another line.
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Set by the generator itself: a second, different one would make the message ambiguous. */
const framingNames: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'connection']);

const requestSchema = z.strictObject({
  url: z.string(),
  method: z.string().regex(token, 'must be a token').default('GET'),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().nullable().default(null),
  weight: z.number().int().min(1).max(1_000_000).default(1),
  idempotencyKey: z.boolean().default(false),
  status: z.string().default('200-399'),
});
const scenarioSchema = z.strictObject({ requests: z.array(requestSchema).min(1).max(1000) });

/** One request as a scenario file writes it. */
export type RequestSpec = z.input<typeof requestSchema>;

/** `object`: what faults are reported against, the file's name. */
export function parseScenario(document: unknown, object: string): Result<readonly ScenarioRequest[]> {
  const parsed = scenarioSchema.safeParse(document);
  if (!parsed.success) {
    return fail(
      parsed.error.issues.map(({ path, message }) => ({
        object,
        field: formatPath(path),
        rule: message,
        value: '',
      })),
    );
  }
  const issues: Issue[] = [];
  const requests = parsed.data.requests.flatMap((spec, index) => {
    const request = parseRequest(spec, (field, rule, value) => {
      issues.push({ object, field: `requests[${index}].${field}`, rule, value });
    });
    return request === null ? [] : [request];
  });
  return issues.length > 0 ? fail(issues) : ok(requests);
}

type Report = (field: string, rule: string, value: string) => void;

function parseRequest(spec: z.output<typeof requestSchema>, report: Report): ScenarioRequest | null {
  const url = URL.canParse(spec.url) ? new URL(spec.url) : null;
  if (url === null || url.protocol !== 'http:' || url.username !== '') {
    report('url', 'must be an http:// URL (TLS is not supported here)', spec.url);
    return null;
  }
  const expects = parseStatuses(spec.status);
  if (expects === null) {
    report('status', 'must be statuses and ranges, as 200,300-399', spec.status);
    return null;
  }
  const headers = parseHeaders(spec.headers, report);
  const host = headers.find(([name]) => name === 'host');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 80 : Number(url.port),
    authority: host === undefined ? url.host : host[1],
    path: url.pathname + url.search,
    method: spec.method,
    headers: headers.filter((header) => header !== host),
    body: spec.body === null ? null : new TextEncoder().encode(spec.body),
    weight: spec.weight,
    idempotencyKey: spec.idempotencyKey,
    expects,
  };
}

function parseHeaders(
  given: Readonly<Record<string, string>>,
  report: Report,
): readonly (readonly [string, string])[] {
  return Object.entries(given).map(([name, value]) => {
    if (!token.test(name)) report('headers', 'must have tokens as names', name);
    else if (framingNames.has(name.toLowerCase()))
      report('headers', 'must leave framing to the generator', name);
    else if (!fieldValue.test(value)) report(`headers.${name}`, 'must be one line of latin1', value);
    return [name.toLowerCase(), value] as const;
  });
}

/** `200,300-399` as a predicate; null when it is not of that form. */
export function parseStatuses(text: string): ((status: number) => boolean) | null {
  const expected = new Set<number>();
  for (const part of text.split(',')) {
    const range = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(part.trim());
    if (range === null) return null;
    const [from, to] = [Number(range[1]), Number(range[2] ?? range[1])];
    if (to < from) return null;
    for (let status = from; status <= to; status++) expected.add(status);
  }
  return (status) => expected.has(status);
}

function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}
