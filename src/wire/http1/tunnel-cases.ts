// Requests that ask for a tunnel (RFC 9110 sections 7.8 and 9.3.6), and those that only look as if they did.

import { accepted, type RequestCase, refused } from './request-case.ts';

const host = 'Host: a\r\n';
const get = `GET / HTTP/1.1\r\n${host}`;
const post = `POST / HTTP/1.1\r\n${host}`;
const text = {
  form: 'request target is in no form that this method allows',
  connectBody: 'CONNECT has a body',
};

export const tunnelCases: readonly RequestCase[] = [
  accepted('CONNECT', `CONNECT a:443 HTTP/1.1\r\n${host}\r\n`, 'request CONNECT |a:443| 1.1 [host: a]'),
  accepted(
    'CONNECT to an IPv6 literal',
    `CONNECT [::1]:443 HTTP/1.1\r\n${host}\r\n`,
    'request CONNECT |[::1]:443| 1.1 [host: a]',
  ),
  accepted('CONNECT in HTTP/1.0', 'CONNECT a:443 HTTP/1.0\r\n\r\n', 'request CONNECT |a:443| 1.0 []'),
  refused('CONNECT without a port', `CONNECT a HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  refused('CONNECT with an empty port', `CONNECT a: HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  refused('CONNECT with a bare IPv6 address', `CONNECT ::1 HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  refused('CONNECT in origin form', `CONNECT /a HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  refused(
    'CONNECT with a body',
    `CONNECT a:443 HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\n`,
    400,
    text.connectBody,
  ),
  refused(
    'CONNECT in chunks',
    `CONNECT a:443 HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`,
    400,
    text.connectBody,
  ),
  accepted(
    'an upgrade',
    `${get}Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00`,
    'request GET |a|/ 1.1 [host: a, connection: keep-alive, Upgrade, upgrade: websocket]',
    'body \x81\x00',
  ),
  accepted(
    'Upgrade that Connection does not name',
    `${get}Upgrade: websocket\r\n\r\n`,
    'request GET |a|/ 1.1 [host: a, upgrade: websocket] end',
  ),
  accepted(
    'an upgrade of a request with a body',
    `${post}Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx`,
    'request POST |a|/ 1.1 [host: a, connection: upgrade, upgrade: websocket, content-length: 1]',
    'body x',
    'end',
  ),
  accepted(
    'an upgrade to h2c',
    `${get}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n`,
    'request GET |a|/ 1.1 [host: a, connection: Upgrade, HTTP2-Settings, upgrade: h2c] end',
  ),
  accepted(
    'an upgrade in HTTP/1.0',
    `GET / HTTP/1.0\r\n${host}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
    'request GET |a|/ 1.0 [host: a, connection: upgrade, upgrade: websocket] end',
  ),
];
