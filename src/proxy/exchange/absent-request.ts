// What stands where an exchange has no request: to use it is a bug.

import type { Address } from '../../net/index.ts';
import { createRequestHead, type RequestHead, type ServerStream } from '../../wire/index.ts';
import type { ExchangeOwner } from './owner.ts';

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
  // What a connection says that failed within a call on the request that it failed.
  pause() {},
  resume() {},
};

export const absentHead: RequestHead = createRequestHead('', '', '', []);

const nowhere: Address = { kind: 'unix', path: '' };

export const absentOwner: ExchangeOwner = {
  id: 0,
  local: nowhere,
  remote: nowhere,
  direct: nowhere,
  secure: null,
  restored: null,
  tlvs: [],
  closed: true,
  endWithAnswer: absent,
  onSettled: absent,
  onAnswered: absent,
};
