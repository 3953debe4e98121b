// The three forms of a load report in a header field: protobuf, JSON, and names with numbers. All throw ReportError.

import { WireError, WireReader, wireType } from '../../xds/index.ts';
import { ReportDraft, ReportError, type ReportField, reportFields } from './report-draft.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** `text`: one code unit a byte. */
function decodeUtf8(text: string): string {
  try {
    return utf8.decode(Buffer.from(text, 'latin1'));
  } catch {
    throw new ReportError('holds what is no UTF-8');
  }
}

const base64 = /^[\w+/-]+={0,2}$/;

/** Base64, with or without its padding: grpc-go leaves it out. */
export function parseBase64Report(text: string): ReportDraft {
  if (!base64.test(text)) throw new ReportError('holds what is no base64');
  return parseReport(Buffer.from(text, 'base64'));
}

/** An OrcaLoadReport. */
export function parseReport(bytes: Uint8Array): ReportDraft {
  try {
    return readReport(new WireReader(bytes));
  } catch (error) {
    throw error instanceof WireError ? new ReportError(error.message) : error;
  }
}

function readReport(reader: WireReader): ReportDraft {
  const draft = new ReportDraft();
  while (reader.next()) {
    const field = reportFields[reader.field];
    if (field?.kind === 'plain' && reader.type === wireType.fixed64) draft.set(field.key, reader.double());
    else if (field?.kind === 'named' && reader.type === wireType.bytes) {
      const { name, value } = readEntry(reader.nested());
      draft.name(field.key, name, value);
    } else reader.skip();
  }
  return draft;
}

function readEntry(reader: WireReader): { readonly name: string; readonly value: number } {
  let [name, value] = ['', 0];
  while (reader.next()) {
    if (reader.field === 1 && reader.type === wireType.bytes) name = reader.string();
    else if (reader.field === 2 && reader.type === wireType.fixed64) value = reader.double();
    else reader.skip();
  }
  return { name, value };
}

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function parseNumber(text: string): number {
  const trimmed = text.trim();
  if (!number.test(trimmed)) throw new ReportError('holds what is no number');
  return Number(trimmed);
}

/** `cpu_utilization: 0.3, named_metrics.queue: 7`, each name once. */
export function parseTextReport(text: string): ReportDraft {
  const draft = new ReportDraft();
  const seen = new Set<string>();
  for (const item of decodeUtf8(text).split(',')) {
    const entry = item.trim();
    if (entry === '') continue;
    const colon = entry.indexOf(':');
    const name = colon < 0 ? entry : entry.slice(0, colon);
    if (seen.has(name)) throw new ReportError('holds a name twice');
    seen.add(name);
    setText(draft, name, parseNumber(colon < 0 ? '' : entry.slice(colon + 1)));
  }
  return draft;
}

/** As Envoy, of the maps it takes these two. */
const textMaps = [
  ['named_metrics.', 'namedMetrics'],
  ['utilization.', 'utilization'],
] as const;

function setText(draft: ReportDraft, name: string, value: number): void {
  const field = fieldsByName.get(name);
  const map = textMaps.find(([prefix]) => name.startsWith(prefix) && name !== prefix);
  if (field?.kind === 'plain' && field.name === name) draft.set(field.key, value);
  else if (map !== undefined) draft.name(map[1], name.slice(map[0].length), value);
  else throw new ReportError('names what is no figure of a report');
}

/** The JSON form of the message (protobuf.dev/programming-guides/json), without fields that it does not have. */
export function parseJsonReport(text: string): ReportDraft {
  const draft = new ReportDraft();
  for (const [name, value] of Object.entries(parseObject(parseJson(decodeUtf8(text))))) {
    const field = fieldsByName.get(name);
    if (field === undefined) throw new ReportError('has a field that no report has');
    if (value === null) continue;
    if (field.kind === 'plain') draft.set(field.key, jsonNumber(value));
    else if (field.kind === 'unused') jsonNumber(value);
    else
      for (const [key, entry] of Object.entries(parseObject(value)))
        draft.name(field.key, key, jsonNumber(entry));
  }
  return draft;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ReportError('holds what is no JSON');
  }
}

function parseObject(value: unknown): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ReportError('holds what is no object');
  return value;
}

/** Numbers may be written as text. */
function jsonNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return parseNumber(value);
  throw new ReportError('holds what is no number');
}

/** Both ways to write it in JSON; the other two forms have the first. */
const fieldsByName: ReadonlyMap<string, ReportField> = new Map(
  Object.values(reportFields).flatMap((field) => [
    [field.name, field],
    [field.name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()), field],
  ]),
);
