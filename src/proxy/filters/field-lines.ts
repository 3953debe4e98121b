// Fields that a service says: what could not be sent of them.

import { editedHeaderFault } from '../../policy/index.ts';

/** RFC 9110 section 5.5, a byte a letter: a codec takes nothing else. */
const sendable = /^[\t\x20-\x7e\x80-\xff]*$/;

/** False: a name that is no token or stands for framing, a value that no field may have. */
export function isSendable([name, value]: readonly [name: string, value: string]): boolean {
  return editedHeaderFault(name) === null && sendable.test(value);
}
