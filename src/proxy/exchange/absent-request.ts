// What stands where an exchange has no request: to use it is a bug.

import { createRequestHead, type RequestHead, type ServerStream } from '../../wire/index.ts';

function absent(): never {
  throw new Error('bug: there is no request');
}

export const absentStream: ServerStream = {
  sendInformational: absent,
  sendResponse: absent,
  openTunnel: absent,
  sendBody: absent,
  sendEnd: absent,
  reset: absent,
  pause: absent,
  resume: absent,
};

export const absentHead: RequestHead = createRequestHead('', '', '', []);
