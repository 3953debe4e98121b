import { expect, test } from 'bun:test';
import { refuseForeign } from './foreign-request.ts';

test.each([
  ['127.0.0.1:15014', null],
  ['[::1]:15014', null],
  ['[fd00::1]', null],
  ['localhost:15014', null],
  ['LOCALHOST', null],
  ['control', null],
  ['control.weft-system.svc:15014', null],
  ['control.weft-system.svc.cluster.local', null],
  ['127.0.0.1:15014', 'http://127.0.0.1:15014'],
  ['localhost', 'https://localhost'],
])('%s from %s is taken', (host, origin) => {
  expect(refuseForeign(host, origin)).toBe(null);
});

test.each([
  [null, null, 'names no host'],
  ['', null, 'names no host'],
  ['evil.example.com:15014', null, 'evil.example.com'],
  ['127.0.0.1.evil.com', null, '127.0.0.1.evil.com'],
  ['localhost.evil.com', null, 'localhost.evil.com'],
  ['svc.evil.com', null, 'svc.evil.com'],
  ['user@127.0.0.1', null, 'names no host'],
  ['127.0.0.1:15014', 'https://evil.example.com', 'evil.example.com'],
  ['127.0.0.1:15014', 'http://127.0.0.1:8080', 'may not ask'],
  ['127.0.0.1:15014', 'null', 'may not ask'],
])('%s from %s is refused', (host, origin, reason) => {
  expect(refuseForeign(host, origin)).toContain(reason);
});
