// Fields that a service says: what could not be sent of them.

import { editedHeaderFault } from '../../policy/index.ts';

/** False: a name that is no token or stands for framing, a value that breaks its line. */
export function isSendable([name, value]: readonly [name: string, value: string]): boolean {
  return editedHeaderFault(name) === null && /^[^\0\r\n]*$/.test(value);
}
