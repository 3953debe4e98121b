// Raw responses and what the client codec makes of them, as server-cases.ts for requests.

export interface ResponseCase {
  readonly name: string;
  /** Method of the request before it; GET unless said. */
  readonly method: string;
  readonly raw: string;
  /** The server ends after `raw`. */
  readonly ended: boolean;
  readonly events: readonly string[];
}

function kept(name: string, raw: string, ...events: readonly string[]): ResponseCase {
  return { name, method: 'GET', raw, ended: false, events: [...events, 'done reusable'] };
}

function toHead(name: string, raw: string, ...events: readonly string[]): ResponseCase {
  return { name, method: 'HEAD', raw, ended: false, events: [...events, 'done reusable'] };
}

/** The last response of its connection: retired as soon as the head says so. */
function last(name: string, raw: string, ...events: readonly string[]): ResponseCase {
  return { name, method: 'GET', raw, ended: true, events: ['retired', ...events, 'done'] };
}

function refused(name: string, raw: string, message: string, ...before: readonly string[]): ResponseCase {
  const code = message.startsWith('head ') ? 'too-large' : 'protocol';
  const events = [...before, 'retired', `reset upstream ${code}: ${message}`, 'done'];
  return { name, method: 'GET', raw, ended: false, events };
}

function cut(name: string, raw: string, ...before: readonly string[]): ResponseCase {
  const message = 'the server ended before its response was complete';
  return {
    name,
    method: 'GET',
    raw,
    ended: true,
    events: [...before, 'retired', `reset upstream peer-closed: ${message}`, 'done'],
  };
}

const ok = 'HTTP/1.1 200 OK\r\n';
const empty = 'Content-Length: 0\r\n\r\n';
const chunked = 'Transfer-Encoding: chunked\r\n\r\n';
const both = 'Transfer-Encoding and Content-Length came together';
const length = 'Content-Length is not a plain decimal number below 2^53';
const status = 'status line is malformed';
const version = 'protocol version is malformed';
const versionUnsupported = 'protocol version is neither HTTP/1.0 nor HTTP/1.1';
const ending = 'a line ends in anything but CRLF';
const coding = 'Transfer-Encoding is malformed or does not end in one chunked';
const codingUnsupported = 'Transfer-Encoding names a coding other than chunked';
const bodiless = 'a response that has no body declares Transfer-Encoding';

export const responseCases: readonly ResponseCase[] = [
  kept('no body', `${ok}${empty}`, 'response 200 [content-length: 0] end'),
  kept(
    'a body of known length',
    `${ok}Content-Length: 2\r\n\r\nok`,
    'response 200 [content-length: 2]',
    'body ok',
    'end',
  ),
  kept(
    'a chunked body',
    `${ok}${chunked}2\r\nok\r\n0\r\n\r\n`,
    'response 200 [transfer-encoding: chunked]',
    'body ok',
    'end',
  ),
  kept(
    'a chunked body with trailers',
    `${ok}${chunked}0\r\nA: 1\r\n\r\n`,
    'response 200 [transfer-encoding: chunked]',
    'end [a: 1]',
  ),
  kept('no reason phrase', `HTTP/1.1 200 \r\n${empty}`, 'response 200 [content-length: 0] end'),
  kept(
    'no space before the missing reason',
    `HTTP/1.1 200\r\n${empty}`,
    'response 200 [content-length: 0] end',
  ),
  kept('an odd reason phrase', `HTTP/1.1 200 \t\xe4 !\r\n${empty}`, 'response 200 [content-length: 0] end'),
  kept('204', 'HTTP/1.1 204 No Content\r\n\r\n', 'response 204 [] end'),
  kept(
    '304 with the length of what it stands for',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
    'response 304 [content-length: 9] end',
  ),
  toHead('HEAD with a length', `${ok}Content-Length: 9\r\n\r\n`, 'response 200 [content-length: 9] end'),
  toHead('HEAD with chunked', `${ok}${chunked}`, 'response 200 [transfer-encoding: chunked] end'),
  toHead('HEAD without framing', `${ok}\r\n`, 'response 200 [] end'),
  kept(
    '100, then the response',
    `HTTP/1.1 100 Continue\r\n\r\n${ok}${empty}`,
    'informational 100 []',
    'response 200 [content-length: 0] end',
  ),
  kept(
    '103 with fields',
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}${empty}`,
    'informational 103 [link: </a>]',
    'response 200 [content-length: 0] end',
  ),
  kept(
    'HTTP/1.0 with keep-alive',
    `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${empty}`,
    'response 200 [connection: keep-alive, content-length: 0] end',
  ),
  last('HTTP/1.0', `HTTP/1.0 200 OK\r\n${empty}`, 'response 200 [content-length: 0] end'),
  last(
    'Connection: close',
    `${ok}Connection: close\r\n${empty}`,
    'response 200 [connection: close, content-length: 0] end',
  ),
  last('a body until close', `${ok}\r\nok`, 'response 200 []', 'body ok', 'end'),
  last('an empty body until close', `${ok}\r\n`, 'response 200 []', 'end'),
  last(
    'a nominated field is gone',
    `${ok}X: 1\r\nConnection: close, x\r\n${empty}`,
    'response 200 [connection: close, x, content-length: 0] end',
  ),
  cut('an end before the head', ''),
  cut('an end within the head', 'HTTP/1.1 2'),
  cut('an end after 100', 'HTTP/1.1 100 Continue\r\n\r\n', 'informational 100 []'),
  cut(
    'an end within a length',
    `${ok}Content-Length: 5\r\n\r\nab`,
    'response 200 [content-length: 5]',
    'body ab',
  ),
  cut(
    'an end within chunks',
    `${ok}${chunked}2\r\nab\r\n0\r\n`,
    'response 200 [transfer-encoding: chunked]',
    'body ab',
  ),
  refused('coding and length', `${ok}Content-Length: 5\r\n${chunked}0\r\n\r\n`, both),
  refused(
    'two lengths',
    `${ok}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    'Content-Length is repeated',
  ),
  refused('a list of lengths', `${ok}Content-Length: 5, 5\r\n\r\nhello`, length),
  refused('a signed length', `${ok}Content-Length: +5\r\n\r\nhello`, length),
  refused(
    'a coding in HTTP/1.0',
    `HTTP/1.0 200 OK\r\n${chunked}0\r\n\r\n`,
    'Transfer-Encoding came with HTTP/1.0',
  ),
  refused('another coding', `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`, codingUnsupported),
  refused('chunked that is not last', `${ok}Transfer-Encoding: chunked, gzip\r\n\r\n`, coding),
  refused('204 with a coding', `HTTP/1.1 204 No Content\r\n${chunked}`, bodiless),
  refused('100 with a coding', `HTTP/1.1 100 Continue\r\n${chunked}`, bodiless),
  refused(
    '101',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
    '101 came without an Upgrade having been sent',
  ),
  refused('CRLF before the status line', `\r\n${ok}${empty}`, version),
  refused('HTTP/2.0', `HTTP/2.0 200 OK\r\n${empty}`, versionUnsupported),
  refused('another protocol', `ICY 200 OK\r\n${empty}`, version),
  refused('two spaces before the status', `HTTP/1.1  200 OK\r\n${empty}`, status),
  refused('a status of two digits', `HTTP/1.1 20 OK\r\n${empty}`, status),
  refused('a status of four digits', `HTTP/1.1 2000 OK\r\n${empty}`, status),
  refused('a status below 100', `HTTP/1.1 099 OK\r\n${empty}`, status),
  refused('a status above 599', `HTTP/1.1 600 OK\r\n${empty}`, status),
  refused('a signed status', `HTTP/1.1 +20 OK\r\n${empty}`, status),
  refused('a bare LF after the status line', `HTTP/1.1 200 OK\n${empty}`, ending),
  refused('a bare CR in the reason', `HTTP/1.1 200 O\rK\r\n${empty}`, ending),
  refused('NUL in the reason', `HTTP/1.1 200 O\0K\r\n${empty}`, ending),
  refused(
    'a folded field',
    `${ok}A: 1\r\n 2\r\n${empty}`,
    'a field line is folded, or white space opens the head',
  ),
  refused(
    'a space before a colon',
    `${ok}A : 1\r\n${empty}`,
    'white space stands before the colon of a field',
  ),
  kept(
    'chunk sizes padded with white space',
    `${ok}${chunked}2 \t \r\nok\r\n0   \r\n\r\n`,
    'response 200 [transfer-encoding: chunked]',
    'body ok',
    'end',
  ),
  refused(
    'white space within a chunk size',
    `${ok}${chunked}2 2\r\n`,
    'chunk extension is malformed',
    'response 200 [transfer-encoding: chunked]',
  ),
  refused(
    'a bad chunk size',
    `${ok}${chunked}x\r\n`,
    'chunk size is not a hexadecimal number below 2^53',
    'response 200 [transfer-encoding: chunked]',
  ),
  refused(
    'bad chunk data',
    `${ok}${chunked}1\r\nab\r\n`,
    'chunk data does not end in CRLF',
    'response 200 [transfer-encoding: chunked]',
    'body a',
  ),
  refused(
    'too many informational responses',
    'HTTP/1.1 102 P\r\n\r\n'.repeat(17),
    'there are too many informational responses',
    ...new Array<string>(16).fill('informational 102 []'),
  ),
  refused('too many fields', `${ok}${'A: 1\r\n'.repeat(101)}${empty}`, 'head has too many field lines'),
  refused('a head too long', `${ok}A: ${'a'.repeat(2048)}\r\n${empty}`, 'head is too long'),
];
