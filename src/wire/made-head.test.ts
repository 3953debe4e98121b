import { describe, expect, test } from 'bun:test';
import { createRequestHead } from './made-head.ts';

describe('request heads of ours', () => {
  const cases = [
    ['bank/ledger:80', '/healthz?a=1', 'bank/ledger:80', '/healthz?a=1'],
    ['the ledger', '/a b', 'the-ledger', '/a%20b'],
    ['a\r\nx: 1', '/\r\n', 'a-x:-1', '/%0D%0A'],
    ['ä€', '/ä', '-', '/%C3%A4'],
  ] as const;
  for (const [authority, path, host, target] of cases)
    test(`${JSON.stringify(authority)} and ${JSON.stringify(path)} can stand in a request`, () => {
      const head = createRequestHead('GET', authority, path, []);
      expect([head.authority, head.path]).toEqual([host, target]);
    });
});
