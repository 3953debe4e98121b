// The use of a head after its message is a bug that reads the next message's fields. Tests poison released heads, so
// that it fails instead.

import type { ReceivedHead } from './received-head.ts';

const poisonedNames = [
  'count',
  'nameAt',
  'valueAt',
  'isRemoved',
  'find',
  'findName',
  'get',
  'getName',
  'add',
];
const poisonedMore = [
  'remove',
  'removeName',
  'method',
  'scheme',
  'authority',
  'path',
  'status',
  'version',
  'upgrade',
];

/** Makes every later use of a released head fail. Its connection then takes a new one. */
export function poisonHead(head: ReceivedHead): void {
  for (const name of [...poisonedNames, ...poisonedMore]) {
    Object.defineProperty(head, name, {
      get() {
        throw new Error(`bug: ${name} of a head was used after its message was over`);
      },
    });
  }
}
