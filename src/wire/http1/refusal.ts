// The answer to a request that is refused before it became one: a complete response in one string, made once for each
// fault.

import { faultMessage, faultStatus } from './errors.ts';
import { reasonPhrase } from './reason.ts';

const refusals: string[] = [];

export function encodeRefusal(code: number): string {
  refusals[code] ??= writeRefusal(code);
  return refusals[code];
}

function writeRefusal(code: number): string {
  const status = faultStatus(code);
  const body = `${faultMessage(code)}\n`;
  // RFC 9110 section 15.5.22: 426 says what to upgrade to.
  const close = status === 426 ? 'connection: close, upgrade\r\nupgrade: HTTP/1.1' : 'connection: close';
  const fields = `content-type: text/plain\r\ncontent-length: ${body.length}\r\n${close}\r\n`;
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${fields}\r\n${body}`;
}
