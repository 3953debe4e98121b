import { describe, expect, test } from 'bun:test';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { formatIp, parseIp } from './ip.ts';

describe('IP literals', () => {
  const good: readonly (readonly [text: string, written: string])[] = [
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
  ];
  for (const [text, written] of good)
    test(`${text} is ${written}`, () => expect(formatIp(parseIp(text)!)).toBe(written));

  const bad = [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '01.2.3.4',
    '1.2.3.4 ',
    '0x7f.0.0.1',
    '1.2.3.',
    'localhost',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::1::',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '[::1]',
    '::1%lo',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::1.2.3',
    '1:',
  ];
  for (const text of bad) test(`'${text}' is none`, () => expect(parseIp(text)).toBeNull());

  test('bytes written and read again are the same', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc
        .array(fc.constantFrom(0, 1, 255), { minLength: 16, maxLength: 16 })
        .map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(bytes, (value) => {
        const text = formatIp(value);
        expect(isIP(text)).toBeGreaterThan(0);
        const again = parseIp(text)!;
        expect(again).toEqual(again.length === value.length ? value : value.subarray(12));
      }),
    );
  });

  test('agrees with node on what is a literal', () => {
    const text = fc.stringMatching(/^[0-9a-f:.]{0,24}$/);
    fc.assert(
      fc.property(text, (value) => {
        expect(parseIp(value) !== null).toBe(isIP(value) !== 0);
      }),
      { numRuns: 2000 },
    );
  });
});
