// Raw requests and what the server codec makes of them: the rules of RFC 9112 and 9110 as data, with the families of
// payloads that desynchronise proxies (sizes, signs, spaces, bare line ends, repeated and conflicting framing).
// docs/http1.md points here by name.

export interface RequestCase {
  readonly name: string;
  readonly raw: string;
  /** Events heard by the host, first ones last left out where a case ends early. */
  readonly events: readonly string[];
}

const host = 'Host: a\r\n';
const get = `GET / HTTP/1.1\r\n${host}`;
const post = `POST / HTTP/1.1\r\n${host}`;
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`;
const chunkedHead = 'request POST |a|/ 1.1 [host: a, transfer-encoding: chunked]';

function accepted(name: string, raw: string, ...events: readonly string[]): RequestCase {
  return { name, raw, events };
}

function refused(name: string, raw: string, status: number, message: string): RequestCase {
  return { name, raw, events: [`refused ${status}: ${message}`] };
}

/** Refused while the body is read: the exchange hears of it first. */
function refusedBody(name: string, body: string, status: number, message: string, data = ''): RequestCase {
  const code = status === 413 || status === 431 ? 'too-large' : 'protocol';
  const before = data === '' ? [chunkedHead] : [chunkedHead, `body ${data}`];
  return {
    name,
    raw: chunked + body,
    events: [...before, `refused ${status}: ${message}`, `reset downstream ${code}: ${message}`],
  };
}

const text = {
  method: 'method is not a token',
  target: 'request target has a character that is not allowed',
  form: 'request target is in no form that this method allows',
  connect: 'CONNECT is not served',
  version: 'protocol version is malformed',
  versionUnsupported: 'protocol version is neither HTTP/1.0 nor HTTP/1.1',
  preface: 'an HTTP/2 preface came where only HTTP/1 is served',
  ending: 'a line ends in anything but CRLF',
  name: 'field name is empty or not a token',
  space: 'white space stands before the colon of a field',
  folded: 'a field line is folded, or white space opens the head',
  value: 'field value has a control character',
  hostMissing: 'Host is missing',
  hostRepeated: 'Host is repeated',
  host: 'Host is not a host with an optional port',
  lengthRepeated: 'Content-Length is repeated',
  length: 'Content-Length is not a plain decimal number below 2^53',
  codingRepeated: 'Transfer-Encoding is repeated',
  coding: 'Transfer-Encoding is malformed or does not end in one chunked',
  codingUnsupported: 'Transfer-Encoding names a coding other than chunked',
  coding10: 'Transfer-Encoding came with HTTP/1.0',
  both: 'Transfer-Encoding and Content-Length came together',
  connection: 'Connection is malformed or names a framing field',
  size: 'chunk size is not a hexadecimal number below 2^53',
  extension: 'chunk extension is malformed',
  trailer: 'a trailer section has a framing field or Host',
  chunkEnding: 'chunk data does not end in CRLF',
} as const;

const simple = 'request GET |a|/ 1.1 [host: a] end';

export const requestLineCases: readonly RequestCase[] = [
  accepted('a plain GET', `${get}\r\n`, simple),
  accepted('one CRLF before the request line', `\r\n${get}\r\n`, simple),
  refused('two CRLF before the request line', `\r\n\r\n${get}\r\n`, 400, text.method),
  refused('a bare LF before the request line', `\n${get}\r\n`, 400, text.method),
  refused('a CR before the request line', `\r${get}\r\n`, 400, text.ending),
  refused('a space before the method', ` ${get}\r\n`, 400, text.method),
  accepted(
    'an unknown method',
    `BREW /pot HTTP/1.1\r\n${host}\r\n`,
    'request BREW |a|/pot 1.1 [host: a] end',
  ),
  accepted(
    'methods are case-sensitive',
    `get / HTTP/1.1\r\n${host}\r\n`,
    'request get |a|/ 1.1 [host: a] end',
  ),
  refused('a method that is no token', `G(T / HTTP/1.1\r\n${host}\r\n`, 400, text.method),
  refused('a method of 33 bytes', `${'A'.repeat(33)} / HTTP/1.1\r\n${host}\r\n`, 501, 'method is too long'),
  refused('a tab after the method', `GET\t/ HTTP/1.1\r\n${host}\r\n`, 400, text.method),
  refused('two spaces after the method', `GET  / HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  refused('a space in the target', `GET /a b HTTP/1.1\r\n${host}\r\n`, 400, text.version),
  refused('two spaces before the version', `GET /  HTTP/1.1\r\n${host}\r\n`, 400, text.version),
  refused('a tab in the target', `GET /a\tb HTTP/1.1\r\n${host}\r\n`, 400, text.target),
  refused('NUL in the target', `GET /a\0 HTTP/1.1\r\n${host}\r\n`, 400, text.target),
  refused('a fragment in the target', `GET /a#b HTTP/1.1\r\n${host}\r\n`, 400, text.target),
  refused('an eight-bit byte in the target', `GET /\xe4 HTTP/1.1\r\n${host}\r\n`, 400, text.target),
  refused('no version (HTTP/0.9)', 'GET /\r\n', 400, text.target),
  refused('an empty target', `GET  HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  refused('a target without slash', `GET a HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  accepted(
    'query and odd characters',
    `GET /a?b={c}|d HTTP/1.1\r\n${host}\r\n`,
    'request GET |a|/a?b={c}|d 1.1 [host: a] end',
  ),
  accepted(
    'absolute form: its authority wins over Host',
    `GET http://b:80/x?y HTTP/1.1\r\n${host}\r\n`,
    'request GET http|b:80|/x?y 1.1 [host: a] end',
  ),
  accepted(
    'absolute form without path',
    `GET HTTPS://b HTTP/1.1\r\n${host}\r\n`,
    'request GET https|b|/ 1.1 [host: a] end',
  ),
  accepted(
    'absolute form with query only',
    `GET http://b?q HTTP/1.1\r\n${host}\r\n`,
    'request GET http|b|/?q 1.1 [host: a] end',
  ),
  accepted(
    'OPTIONS in absolute form',
    `OPTIONS http://b HTTP/1.1\r\n${host}\r\n`,
    'request OPTIONS http|b|* 1.1 [host: a] end',
  ),
  refused('absolute form needs Host too', 'GET http://b/ HTTP/1.1\r\n\r\n', 400, text.hostMissing),
  refused('absolute form with a user', `GET http://u@b/ HTTP/1.1\r\n${host}\r\n`, 400, text.host),
  refused('absolute form with an empty authority', `GET http:///x HTTP/1.1\r\n${host}\r\n`, 400, text.host),
  refused('another scheme', `GET ftp://b/ HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  refused('a scheme with one slash', `GET http:/b HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  accepted('asterisk form', `OPTIONS * HTTP/1.1\r\n${host}\r\n`, 'request OPTIONS |a|* 1.1 [host: a] end'),
  refused('asterisk form with GET', `GET * HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  refused('asterisk with more', `OPTIONS *a HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  refused('CONNECT', `CONNECT a:443 HTTP/1.1\r\n${host}\r\n`, 501, text.connect),
  refused('authority form with GET', `GET a:80 HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  refused('HTTP/2.0', `GET / HTTP/2.0\r\n${host}\r\n`, 505, text.versionUnsupported),
  refused('HTTP/1.2', `GET / HTTP/1.2\r\n${host}\r\n`, 505, text.versionUnsupported),
  refused('HTTP/0.9', `GET / HTTP/0.9\r\n${host}\r\n`, 505, text.versionUnsupported),
  refused('an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, text.preface),
  refused('PRI in HTTP/1.1', `PRI * HTTP/1.1\r\n${host}\r\n`, 400, text.form),
  refused('http in small letters', `GET / http/1.1\r\n${host}\r\n`, 400, text.version),
  refused('a version of two digits', `GET / HTTP/1.10\r\n${host}\r\n`, 400, text.ending),
  refused('a version without minor', `GET / HTTP/1\r\n${host}\r\n`, 400, text.version),
  refused('a space after the version', `GET / HTTP/1.1 \r\n${host}\r\n`, 400, text.ending),
  refused('a bare LF after the request line', `GET / HTTP/1.1\n${host}\r\n`, 400, text.ending),
  refused('a bare CR after the request line', `GET / HTTP/1.1\rX${host}\r\n`, 400, text.ending),
];

export const fieldCases: readonly RequestCase[] = [
  accepted(
    'white space around a value',
    `${get}X:\t a b \t \r\n\r\n`,
    'request GET |a|/ 1.1 [host: a, x: a b] end',
  ),
  accepted('an empty value', `${get}X:\r\nY: \t\r\n\r\n`, 'request GET |a|/ 1.1 [host: a, x: , y: ] end'),
  accepted(
    'eight-bit bytes in a value',
    `${get}X: \xe4\xff\r\n\r\n`,
    'request GET |a|/ 1.1 [host: a, x: \xe4\xff] end',
  ),
  accepted(
    'every token character in a name',
    `${get}!#$%&'*+-.^_\`|~9z: 1\r\n\r\n`,
    "request GET |a|/ 1.1 [host: a, !#$%&'*+-.^_`|~9z: 1] end",
  ),
  refused('space before the colon', `${get}X : 1\r\n\r\n`, 400, text.space),
  refused('space before the colon of a length', `${post}Content-Length : 5\r\n\r\nhello`, 400, text.space),
  refused('a tab before the colon', `${get}X\t: 1\r\n\r\n`, 400, text.space),
  refused('a folded line', `${get}X: 1\r\n 2\r\n\r\n`, 400, text.folded),
  refused('a line folded with a tab', `${get}X: 1\r\n\t2\r\n\r\n`, 400, text.folded),
  refused('white space before the first field', `GET / HTTP/1.1\r\n ${host}\r\n`, 400, text.folded),
  refused('an empty name', `${get}: 1\r\n\r\n`, 400, text.name),
  refused('a line without colon', `${get}X\r\n\r\n`, 400, text.ending),
  refused('a name in brackets', `${get}[X]: 1\r\n\r\n`, 400, text.name),
  refused('an eight-bit byte in a name', `${get}X\xe4: 1\r\n\r\n`, 400, text.name),
  refused('NUL in a name', `${get}X\0: 1\r\n\r\n`, 400, text.name),
  refused('NUL in a value', `${get}X: a\0b\r\n\r\n`, 400, text.value),
  refused('a vertical tab in a value', `${get}X: \x0b1\r\n\r\n`, 400, text.value),
  refused('DEL in a value', `${get}X: \x7f\r\n\r\n`, 400, text.value),
  refused('a bare LF after a field', `${get}X: 1\nY: 2\r\n\r\n`, 400, text.ending),
  refused('a bare CR in a value', `${get}X: a\rb\r\n\r\n`, 400, text.ending),
  refused('CR CR LF after a field', `${get}X: a\r\r\n\r\n`, 400, text.ending),
  refused('a bare LF as the empty line', `${get}\n`, 400, text.ending),
  refused('CR without LF as the empty line', `${get}\rX`, 400, text.ending),
];

export const hostCases: readonly RequestCase[] = [
  refused('no Host', 'GET / HTTP/1.1\r\n\r\n', 400, text.hostMissing),
  refused('two Hosts', `${get}Host: b\r\n\r\n`, 400, text.hostRepeated),
  refused('two equal Hosts', `${get}${host}\r\n`, 400, text.hostRepeated),
  refused('HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n', 400, text.hostMissing),
  accepted(
    'HTTP/1.0 in absolute form without Host',
    'GET http://b/ HTTP/1.0\r\n\r\n',
    'request GET http|b|/ 1.0 [] end',
  ),
  accepted(
    'an IPv6 Host',
    'GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n',
    'request GET |[::1]:8080|/ 1.1 [host: [::1]:8080] end',
  ),
  ...[
    '',
    'a b',
    'a,b',
    'a/b',
    'u@a',
    'a:x',
    'a:65536',
    'a:080800',
    ':80',
    '[::1',
    '[]',
    '[::g]',
    '[::1]x',
    'a?b',
    'a\\b',
    'a%00',
    'a:80:80',
  ].map((value) => refused(`Host "${value}"`, `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`, 400, text.host)),
];

export const framingCases: readonly RequestCase[] = [
  accepted(
    'Content-Length',
    `${post}Content-Length: 5\r\n\r\nhello`,
    'request POST |a|/ 1.1 [host: a, content-length: 5]',
    'body hello',
    'end',
  ),
  accepted(
    'Content-Length 0',
    `${post}Content-Length: 0\r\n\r\n`,
    'request POST |a|/ 1.1 [host: a, content-length: 0] end',
  ),
  accepted(
    'GET with a body',
    `${get}Content-Length: 2\r\n\r\nab`,
    'request GET |a|/ 1.1 [host: a, content-length: 2]',
    'body ab',
    'end',
  ),
  ...[
    '',
    '+5',
    '-5',
    '5 5',
    '5,',
    '5, 5',
    '0x5',
    '5_0',
    '5.0',
    '1e1',
    '05',
    '00',
    '"5"',
    '5;',
    '\xb2',
    '9007199254740992',
    '99999999999999999999',
    '5\xa0',
  ].map((value) =>
    refused(`Content-Length "${value}"`, `${post}Content-Length: ${value}\r\n\r\nhello`, 400, text.length),
  ),
  refused(
    'two equal lengths',
    `${post}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    400,
    text.lengthRepeated,
  ),
  refused(
    'two lengths',
    `${post}Content-Length: 5\r\ncontent-length: 6\r\n\r\nhello`,
    400,
    text.lengthRepeated,
  ),
  refused(
    'length, then coding',
    `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    text.both,
  ),
  refused(
    'coding, then length',
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    400,
    text.both,
  ),
  refused(
    'coding in HTTP/1.0',
    `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    text.coding10,
  ),
  refused(
    'two codings on two lines',
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
    400,
    text.codingRepeated,
  ),
  refused(
    'chunked and another on two lines',
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n`,
    400,
    text.codingRepeated,
  ),
  ...[
    '',
    'chunked, chunked',
    'chunked, gzip',
    'chunked;q=1',
    ', chunked',
    'chunked,',
    '"chunked"',
    'chun ked',
    'chunked\xa0',
    '[chunked]',
    'gzip;level=1, chunked',
    'chunked ;',
    'chunked x',
  ].map((value) =>
    refused(
      `Transfer-Encoding "${value}"`,
      `${post}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n`,
      400,
      text.coding,
    ),
  ),
  ...[
    'identity',
    'gzip',
    'gzip, chunked',
    'xchunked',
    'chunkedx',
    "'chunked'",
    'chunk',
    'cow',
    'x-chunked',
  ].map((value) =>
    refused(
      `Transfer-Encoding "${value}"`,
      `${post}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n`,
      501,
      text.codingUnsupported,
    ),
  ),
  refused('a vertical tab before chunked', `${post}Transfer-Encoding: \x0bchunked\r\n\r\n`, 400, text.value),
  accepted(
    'chunked in capitals',
    `${post}Transfer-Encoding:\tCHUNKED \r\n\r\n0\r\n\r\n`,
    'request POST |a|/ 1.1 [host: a, transfer-encoding: CHUNKED]',
    'end',
  ),
  accepted(
    'a name that resembles a framing field',
    `${get}Transfer_Encoding: chunked\r\nContent-Lengtg: 5\r\n\r\n`,
    'request GET |a|/ 1.1 [host: a, transfer_encoding: chunked, content-lengtg: 5] end',
  ),
  refused(
    'Connection names Content-Length',
    `${get}Connection: content-length\r\n\r\n`,
    400,
    text.connection,
  ),
  refused('Connection names Host', `${get}Connection: close, Host\r\n\r\n`, 400, text.connection),
  refused(
    'Connection names Transfer-Encoding',
    `${get}Connection: transfer-encoding\r\n\r\n`,
    400,
    text.connection,
  ),
  refused('Connection is no list of tokens', `${get}Connection: "close"\r\n\r\n`, 400, text.connection),
  accepted(
    'a nominated field is gone',
    `${get}X-Secret: 1\r\nConnection: , keep-alive, X-SECRET\r\nY: 2\r\n\r\n`,
    'request GET |a|/ 1.1 [host: a, connection: , keep-alive, X-SECRET, y: 2] end',
  ),
];

export const chunkCases: readonly RequestCase[] = [
  accepted(
    'chunks',
    `${chunked}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
    chunkedHead,
    'body hello world',
    'end',
  ),
  accepted(
    'sizes in either case with zeros before',
    `${chunked}00A\r\n0123456789\r\n0b\r\n01234567890\r\n000\r\n\r\n`,
    chunkedHead,
    'body 012345678901234567890',
    'end',
  ),
  accepted(
    'extensions',
    `${chunked}5;a\r\nhello\r\n0 ; b = "q\\"\t;," ; c=d\r\n\r\n`,
    chunkedHead,
    'body hello',
    'end',
  ),
  accepted(
    'trailers',
    `${chunked}0\r\nX-Sum: 1\r\nGrpc-Status: 0\r\n\r\n`,
    chunkedHead,
    'end [x-sum: 1, grpc-status: 0]',
  ),
  accepted(
    'forbidden trailers are dropped',
    `${chunked}0\r\nConnection: x\r\nAuthorization: x\r\nX: 1\r\n\r\n`,
    chunkedHead,
    'end [x: 1]',
  ),
  refusedBody('an empty size', '\r\nhello', 400, text.size),
  ...[
    '+5',
    '-5',
    '0x5',
    'g',
    ' 5',
    '\t5',
    '_5',
    '5_',
    '5h',
    '\x005',
    '5\x00',
    '5,',
    '5"',
    '20000000000000',
    'FFFFFFFFFFFFFFFFFF1',
  ].map((size) => refusedBody(`chunk size "${size}"`, `${size}\r\nhello\r\n0\r\n\r\n`, 400, text.size)),
  refusedBody('white space and no extension', '5 \r\nhello\r\n0\r\n\r\n', 400, text.ending),
  refusedBody('a bare LF after the size', '5\nhello\r\n0\r\n\r\n', 400, text.size),
  refusedBody('CR without LF after the size', '5\rXhello\r\n0\r\n\r\n', 400, text.ending),
  refusedBody('data longer than its size', '4\r\nhello\r\n0\r\n\r\n', 400, text.chunkEnding, 'hell'),
  refusedBody('data shorter than its size', '6\r\nhello\r\n0\r\n\r\n', 400, text.chunkEnding, 'hello\r'),
  refusedBody('a bare LF after data', '5\r\nhello\n0\r\n\r\n', 400, text.chunkEnding, 'hello'),
  refusedBody('CR without LF after data', '5\r\nhello\rX', 400, text.chunkEnding, 'hello'),
  refusedBody('an extension without name', '5;\r\nhello', 400, text.ending),
  refusedBody('an extension that is only a value', '5;=a\r\nhello', 400, text.extension),
  refusedBody('an extension without value', '5;a=\r\nhello', 400, text.ending),
  refusedBody('an open quote in an extension', '5;a="b\r\nhello', 400, text.ending),
  refusedBody('a bare LF in an extension', '5;a\nhello', 400, text.ending),
  refusedBody('a control byte in an extension', '5;a="\x01"\r\nhello', 400, text.extension),
  refusedBody('text after a quoted value', '5;a="b"c\r\nhello', 400, text.extension),
  refusedBody('a bare LF after the last chunk', '0\n\n', 400, text.size),
  refusedBody('CR without LF at the very end', '0\r\n\rX', 400, text.ending),
  refusedBody('a trailer with a space before its colon', '0\r\nX : 1\r\n\r\n', 400, text.space),
  ...['Host: b', 'Content-Length: 3', 'transfer-encoding: gzip'].map((line) =>
    refusedBody(`trailer "${line}"`, `0\r\n${line}\r\n\r\n`, 400, text.trailer),
  ),
  refusedBody('a folded trailer', '0\r\nX: 1\r\n 2\r\n\r\n', 400, text.folded),
  refusedBody('a bare LF in trailers', '0\r\nX: 1\n\r\n', 400, text.ending),
];

export const requestCases: readonly RequestCase[] = [
  ...requestLineCases,
  ...fieldCases,
  ...hostCases,
  ...framingCases,
  ...chunkCases,
];
