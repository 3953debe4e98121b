import { expect, test } from 'bun:test';
import { JsonLines } from './json-lines.ts';

const text = Buffer.from('{"a":"é"}\n\r\n{"b":[1,2]}\n{"c":3');
const whole = [{ a: 'é' }, { b: [1, 2] }];

test('every split gives the same values', () => {
  for (let at = 0; at <= text.length; at++) {
    const lines = new JsonLines(1000);
    const values = [...lines.push(text.subarray(0, at)), ...lines.push(text.subarray(at))];
    expect(values).toEqual(whole);
    expect(lines.push(Buffer.from('}\n'))).toEqual([{ c: 3 }]);
  }
});

test('byte by byte', () => {
  const lines = new JsonLines(1000);
  expect([...text].flatMap((byte) => lines.push(new Uint8Array([byte])))).toEqual(whole);
});

test('a line above the limit, and one that is not JSON, end it', () => {
  const lines = new JsonLines(10);
  lines.push(Buffer.from('1234567890'));
  expect(() => lines.push(Buffer.from('1'))).toThrow('a line has more than 10 bytes');
  expect(() => new JsonLines(10).push(Buffer.from('{\n'))).toThrow();
});
