// envoy.service.ratelimit.v3: the question to the service that counts, and its answer.

import { parseStruct, WireError, WireReader, WireWriter } from '../../../xds/index.ts';
import type { Descriptor } from './descriptors.ts';

/** RateLimitRequest: 1 domain, 2 descriptors. */
export function encodeQuestion(domain: string, descriptors: readonly Descriptor[]): Uint8Array {
  const question = new WireWriter(512);
  question.string(1, domain);
  for (const { entries, limit } of descriptors) {
    const descriptor = new WireWriter(256);
    for (const [key, value] of entries) {
      const entry = new WireWriter(128);
      entry.string(1, key);
      entry.string(2, value);
      descriptor.bytes(1, entry.finish());
    }
    if (limit !== null) {
      const override = new WireWriter(32);
      override.uint(1, limit.requests);
      override.uint(2, limit.unit);
      descriptor.bytes(2, override.finish());
    }
    question.bytes(2, descriptor.finish());
  }
  return question.finish();
}

export type Line = readonly [name: string, value: string];

/** Of one descriptor: how much is left of which limit. */
export interface LimitStatus {
  readonly requests: number;
  /** RateLimitUnit. */
  readonly unit: number;
  readonly name: string;
  readonly remaining: number;
  readonly resetSeconds: number;
}

export interface LimitAnswer {
  readonly overLimit: boolean;
  readonly statuses: readonly LimitStatus[];
  readonly responseFields: readonly Line[];
  readonly requestFields: readonly Line[];
  readonly body: Uint8Array;
  readonly notes: Readonly<Record<string, unknown>> | null;
}

/**
 * RateLimitResponse: 1 overall_code, 2 statuses, 3 response_headers_to_add, 4 request_headers_to_add, 5 raw_body, 6
 * dynamic_metadata. null: it cannot be read, or says nothing.
 */
export function parseAnswer(bytes: Uint8Array): LimitAnswer | null {
  try {
    return readAnswer(new WireReader(bytes));
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

function readAnswer(reader: WireReader): LimitAnswer {
  let code = 0;
  let body: Uint8Array = new Uint8Array(0);
  let notes: Record<string, unknown> | null = null;
  const statuses: LimitStatus[] = [];
  const responseFields: Line[] = [];
  const requestFields: Line[] = [];
  while (reader.next()) {
    if (reader.field === 1) code = reader.varint();
    else if (reader.field === 2) {
      const status = readStatus(reader.nested());
      if (status !== null) statuses.push(status);
    } else if (reader.field === 3) responseFields.push(readField(reader.nested()));
    else if (reader.field === 4) requestFields.push(readField(reader.nested()));
    else if (reader.field === 5) body = new Uint8Array(reader.view());
    else if (reader.field === 6) notes = parseStruct(reader.nested());
    else reader.skip();
  }
  return { overLimit: code === overLimit, statuses, responseFields, requestFields, body, notes };
}

/** Code.OVER_LIMIT. */
const overLimit = 2;

/** DescriptorStatus: 2 current_limit, 3 limit_remaining, 4 duration_until_reset; null: it has no limit. */
function readStatus(reader: WireReader): LimitStatus | null {
  let limit: { requests: number; unit: number; name: string } | null = null;
  let remaining = 0;
  let resetSeconds = 0;
  while (reader.next()) {
    if (reader.field === 2) limit = readLimit(reader.nested());
    else if (reader.field === 3) remaining = reader.varint();
    else if (reader.field === 4) {
      const duration = reader.nested();
      while (duration.next()) {
        if (duration.field === 1) resetSeconds = duration.varint();
        else duration.skip();
      }
    } else reader.skip();
  }
  return limit === null ? null : { ...limit, remaining, resetSeconds };
}

/** RateLimit: 1 requests_per_unit, 2 unit, 3 name. */
function readLimit(reader: WireReader): { requests: number; unit: number; name: string } {
  const limit = { requests: 0, unit: 0, name: '' };
  while (reader.next()) {
    if (reader.field === 1) limit.requests = reader.varint();
    else if (reader.field === 2) limit.unit = reader.varint();
    else if (reader.field === 3) limit.name = reader.string();
    else reader.skip();
  }
  return limit;
}

/** HeaderValue: 1 key, 2 value, 3 raw_value. */
function readField(reader: WireReader): Line {
  let key = '';
  let value = '';
  while (reader.next()) {
    if (reader.field === 1) key = reader.string().toLowerCase();
    else if (reader.field === 2 || reader.field === 3) value = Buffer.from(reader.view()).toString('latin1');
    else reader.skip();
  }
  return [key, value];
}
