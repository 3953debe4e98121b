// What connections borrow: nothing of one message is left for the next.

import { expect, test } from 'bun:test';
import { defaultHttp1Limits } from './limits.ts';
import { idleReadingsMax, requestReadings, responseReadings } from './reading.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

function readRequest(readings: ReturnType<typeof requestReadings>, text: string) {
  const reading = readings.take();
  expect(reading.reader.read(bytes(text), 0, text.length)).toBe(text.length);
  return reading;
}

test('who looks at a head that is over changes nothing of the next', () => {
  const readings = requestReadings({ ...defaultHttp1Limits });
  const first = readRequest(readings, 'POST /first HTTP/1.1\r\nhost: a\r\nx: 1\r\n\r\n');
  readings.giveBack(first, false);
  const { head } = first;
  expect([head.path, head.method, head.authority, head.count]).toEqual(['', '', '', 0]);
  head.add('x-late', '1');
  const next = readRequest(readings, 'GET /next HTTP/1.1\r\nhost: b\r\n\r\n');
  expect(next).toBe(first);
  expect([head.method, head.path, head.authority, head.count]).toEqual(['GET', '/next', 'b', 1]);
  expect([head.getName('x'), head.getName('x-late')]).toEqual([null, null]);
});

test('those under other limits are others; so many are kept', () => {
  const limits = { ...defaultHttp1Limits };
  const readings = responseReadings(limits);
  expect(responseReadings(limits)).toBe(readings);
  expect(responseReadings({ ...limits })).not.toBe(readings);
  const taken = Array.from({ length: idleReadingsMax + 3 }, () => readings.take());
  for (const reading of taken) readings.giveBack(reading, false);
  expect(readings.count).toBe(idleReadingsMax);
});

test('a poisoned one goes to nobody', () => {
  const readings = requestReadings({ ...defaultHttp1Limits });
  const reading = readings.take();
  readings.giveBack(reading, true);
  expect(readings.count).toBe(0);
  expect(() => reading.head.path).toThrow('after its message was over');
});
