import { describe, expect, test } from 'bun:test';
import { describeJa3, describeJa4 } from './fingerprint.ts';
import type { ClientHello, HelloOffer } from './types.ts';

const offer: HelloOffer = {
  legacyVersion: 0x0303,
  suites: [0x2a2a, 0x1302, 0x1301, 0xc02b],
  extensions: [0xfafa, 0x2b, 0, 0x10, 0x0d, 0x0a],
  groups: [0x1a1a, 29, 23],
  pointFormats: [0],
  signatures: [0x0403, 0x0804],
  versions: [0x0a0a, 0x0304, 0x0303],
};

function hello(more: Partial<HelloOffer> = {}, rest: Partial<ClientHello> = {}): ClientHello {
  return {
    serverName: 'a.example',
    alpn: ['h2', 'http/1.1'],
    versions: [],
    ecdsa: false,
    offer: { ...offer, ...more },
    ...rest,
  };
}

test('JA3 has the client’s order, without what it made up', () => {
  expect(describeJa3(hello())).toBe('771,4866-4865-49195,43-0-16-13-10,29-23,0');
  const none = { suites: [], extensions: [], groups: [], pointFormats: [] };
  expect(describeJa3(hello(none))).toBe('771,,,,');
});

describe('JA4', () => {
  test('sorts suites and extensions, leaves name and protocols out of them, keeps signatures as they came', () => {
    expect(describeJa4(hello())).toEqual({
      head: 't13d0305h2',
      suites: '1301,1302,c02b',
      extensions: '000a,000d,002b_0403,0804',
    });
  });

  const heads: readonly (readonly [name: string, hello: ClientHello, head: string])[] = [
    ['no name', hello({}, { serverName: null }), 't13i0305h2'],
    ['no protocols', hello({}, { alpn: [] }), 't13d030500'],
    ['a protocol of one character', hello({}, { alpn: ['x'] }), 't13d0305xx'],
    ['a protocol that is no text', hello({}, { alpn: ['\xab\xcd'] }), 't13d0305ad'],
    ['an old client', hello({ versions: [], legacyVersion: 0x0301 }), 't10d0305h2'],
    ['a version that nobody knows', hello({ versions: [0x0305] }), 't00d0305h2'],
    ['more than can be counted', hello({ suites: Array.from({ length: 120 }, (_, at) => at) }), 't13d9905h2'],
  ];
  for (const [name, given, head] of heads) test(name, () => expect(describeJa4(given).head).toBe(head));

  test('without signatures there is no second part', () => {
    expect(describeJa4(hello({ signatures: [] })).extensions).toBe('000a,000d,002b');
  });
});
