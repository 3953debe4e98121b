// When a stream stops carrying HTTP and becomes a tunnel of bytes: 101 to an upgrade (RFC 9110 section 15.2.2), any 2xx
// to CONNECT (section 9.3.6). Said once here, so that both codecs and whoever sits between them agree.

export function opensTunnel(upgrade: string, status: number): boolean {
  if (upgrade === '') return false;
  return upgrade === 'CONNECT' ? status >= 200 && status < 300 : status === 101;
}
