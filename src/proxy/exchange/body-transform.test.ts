import { expect, test } from 'bun:test';
import { type BodyTransform, chainTransforms } from './body-transform.ts';

/** Makes all in the same memory, as the contract allows for small pieces. */
function inOneMemory(last: string): BodyTransform {
  const memory = Buffer.alloc(100);
  return {
    write: (bytes, start, end) => memory.subarray(0, Buffer.from(bytes.subarray(start, end)).copy(memory)),
    end: () => memory.subarray(0, memory.write(last)),
    close() {},
  };
}

test('what two transforms make at the end is all there, though they use their memory again', () => {
  const chained = chainTransforms(inOneMemory('first'), inOneMemory('second'));
  expect(Buffer.from(chained.write(Buffer.from('body'), 0, 4)).toString()).toBe('body');
  expect(Buffer.from(chained.end(null)).toString()).toBe('firstsecond');
});
