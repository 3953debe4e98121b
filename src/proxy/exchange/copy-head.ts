// Heads made of a received one: for requests that go elsewhere than it (a mirror's copy, what a redirect leads to), and
// for who outlives its stream.

import { createResponseHead, createTrailers, type Head, type ResponseHead } from '../../wire/index.ts';

/** Fields of the connection, which the codec writes anew. */
const ofConnection: ReadonlySet<string> = new Set([
  'host',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'te',
  'trailer',
  'expect',
]);

/** All lines but those of the connection. */
export function copyFields(head: Head): [name: string, value: string][] {
  return fieldsOf(head).filter(([name]) => !ofConnection.has(name));
}

/** For who reads it when its stream is over, and its lines are another message's. */
export function copyResponseHead(head: ResponseHead): ResponseHead {
  return createResponseHead(head.status, fieldsOf(head));
}

export function copyTrailers(trailers: Head): Head {
  return createTrailers(fieldsOf(trailers));
}

function fieldsOf(head: Head): [name: string, value: string][] {
  const fields: [string, string][] = [];
  for (let index = 0; index < head.count; index++)
    if (!head.isRemoved(index)) fields.push([head.nameAt(index), head.valueAt(index)]);
  return fields;
}
