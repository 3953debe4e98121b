// The proof of a WebSocket's key (RFC 6455 section 1.3): what a server of HTTP/1.1 makes of it.

import { createHash } from 'node:crypto';

const suffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export function webSocketAccept(key: string): string {
  return createHash('sha1').update(`${key.trim()}${suffix}`).digest('base64');
}
