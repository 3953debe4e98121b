// Heads made of a received one, for requests that go elsewhere than it: a mirror's copy, what a redirect leads to.

import { type Head, listFields } from '../../wire/index.ts';

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
  return listFields(head).filter(([name]) => !ofConnection.has(name));
}
