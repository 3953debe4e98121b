// envoy.service.auth.v3.CheckResponse to a verdict. The bytes are a peer's: what cannot be read is no permission.

import { parseStruct, WireError, WireReader } from '../../../xds/index.ts';
import type { FieldEdit, FieldLine, Verdict } from './verdict.ts';

export function parseCheckResponse(bytes: Uint8Array): Verdict {
  try {
    return readResponse(new WireReader(bytes));
  } catch (error) {
    if (error instanceof WireError) return { kind: 'error' };
    throw error;
  }
}

interface OkResponse {
  readonly request: FieldEdit[];
  readonly removed: string[];
  readonly response: FieldEdit[];
  readonly querySet: FieldLine[];
  readonly queryRemoved: string[];
}

/** 1 status, 2 denied_response, 3 ok_response, 4 dynamic_metadata. */
function readResponse(reader: WireReader): Verdict {
  let code = 0;
  let notes: Record<string, unknown> | null = null;
  let olderNotes: Record<string, unknown> | null = null;
  let denied: { status: number; body: string; fields: FieldLine[] } | null = null;
  const ok: OkResponse = { request: [], removed: [], response: [], querySet: [], queryRemoved: [] };
  while (reader.next()) {
    if (reader.field === 1) code = readNumber(reader.nested());
    else if (reader.field === 2) denied = readDenied(reader.nested());
    else if (reader.field === 3) olderNotes = readOk(reader.nested(), ok);
    else if (reader.field === 4) notes = parseStruct(reader.nested());
    else reader.skip();
  }
  const said = olderNotes ?? notes;
  if (code === 0) return { kind: 'ok', ...ok, notes: said };
  const { status, body, fields } = denied ?? { status: 0, body: '', fields: [] };
  return { kind: 'denied', status: isFinal(status) ? status : 403, body, fields, notes: said };
}

/** An answer may have it; what is out of range would be no answer (RFC 9110 section 15). */
function isFinal(status: number): boolean {
  return status >= 200 && status <= 599;
}

/** Field 1 of a message: the code of google.rpc.Status, or of HttpStatus. */
function readNumber(reader: WireReader): number {
  let value = 0;
  while (reader.next()) {
    if (reader.field === 1) value = reader.varint();
    else reader.skip();
  }
  return value;
}

/** DeniedHttpResponse: 1 status, 2 headers, 3 body. */
function readDenied(reader: WireReader): { status: number; body: string; fields: FieldLine[] } {
  const denied = { status: 0, body: '', fields: [] as FieldLine[] };
  while (reader.next()) {
    if (reader.field === 1) denied.status = readNumber(reader.nested());
    else if (reader.field === 2) {
      const { name, value } = readOption(reader.nested());
      denied.fields.push([name, value]);
    } else if (reader.field === 3) denied.body = reader.string();
    else reader.skip();
  }
  return denied;
}

/**
 * OkHttpResponse: 2 headers, 3 dynamic_metadata (the older place, which wins), 5 headers_to_remove, 6
 * response_headers_to_add, 7 query_parameters_to_set, 8 query_parameters_to_remove.
 */
function readOk(reader: WireReader, ok: OkResponse): Record<string, unknown> | null {
  let notes: Record<string, unknown> | null = null;
  while (reader.next()) {
    if (reader.field === 2) ok.request.push(requestEdit(readOption(reader.nested())));
    else if (reader.field === 3) notes = parseStruct(reader.nested());
    else if (reader.field === 5) ok.removed.push(reader.string().toLowerCase());
    else if (reader.field === 6) ok.response.push(responseEdit(readOption(reader.nested())));
    else if (reader.field === 7) ok.querySet.push(readPair(reader.nested()));
    else if (reader.field === 8) ok.queryRemoved.push(reader.string());
    else reader.skip();
  }
  return notes;
}

interface HeaderOption {
  readonly name: string;
  readonly value: string;
  /** null: not said. */
  readonly append: boolean | null;
  readonly action: number;
}

/** HeaderValueOption: 1 header, 2 append (a BoolValue), 3 append_action. */
function readOption(reader: WireReader): HeaderOption {
  let line: FieldLine = ['', ''];
  let append: boolean | null = null;
  let action = 0;
  while (reader.next()) {
    if (reader.field === 1) line = readPair(reader.nested());
    else if (reader.field === 2) append = readNumber(reader.nested()) !== 0;
    else if (reader.field === 3) action = reader.varint();
    else reader.skip();
  }
  return { name: line[0].toLowerCase(), value: line[1], append, action };
}

/** HeaderValue and QueryParameter: 1 key, 2 value; of a header also 3 raw_value. One code unit a byte, as in heads. */
function readPair(reader: WireReader): FieldLine {
  let key = '';
  let value = '';
  while (reader.next()) {
    if (reader.field === 1) key = reader.string();
    else if (reader.field === 2 || reader.field === 3) value = Buffer.from(reader.view()).toString('latin1');
    else reader.skip();
  }
  return [key, value];
}

function requestEdit({ name, value, append }: HeaderOption): FieldEdit {
  return { name, value, action: append === true ? 'append' : 'set' };
}

const responseActions = ['add', 'add-if-absent', 'set', 'replace'] as const;

function responseEdit({ name, value, append, action }: HeaderOption): FieldEdit {
  if (append !== null) return { name, value, action: append ? 'add' : 'set' };
  return { name, value, action: responseActions[action] ?? 'add' };
}
