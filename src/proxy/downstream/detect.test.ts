import { expect, test } from 'bun:test';
import { type Detected, detectProtocol } from './detect.ts';

const cases: readonly (readonly [name: string, text: string, expected: Detected])[] = [
  ['a request', 'GET / HTTP/1.1\r\n', 'http1'],
  ['a method that starts like the preface', 'PRIOR / HTTP/1.1\r\n', 'http1'],
  ['PRI to HTTP/1', 'PRI * HTTP/1.1\r\n', 'http1'],
  ['a ClientHello', '\x16\x03\x01\x02\x00\x01', 'tls'],
  ['one byte of it', '\x16', 'tls'],
  ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
  ['too little of it to know', 'PRI *', 'more'],
  ['one letter of it', 'P', 'more'],
  ['two letters of another method', 'PO', 'http1'],
];

for (const [name, text, expected] of cases) {
  test(`${name}: ${expected}`, () => {
    expect(detectProtocol(Buffer.from(text, 'latin1'))).toBe(expected);
  });
}
