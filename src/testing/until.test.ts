import { expect, test } from 'bun:test';
import { InVain, until } from './until.ts';

test('what throws is asked again', async () => {
  let asked = 0;
  await until('the third', () => {
    if (++asked < 3) throw new Error('not yet');
    return true;
  });
  expect(asked).toBe(3);
});

test('what never comes is told by name, with the last error', async () => {
  const error = await until('a stream', () => Promise.reject(new Error('not yet')), 1).catch((e: Error) => e);
  expect(error).toMatchObject({ message: 'waited 1 ms in vain: a stream', cause: { message: 'not yet' } });
});

test('what can never come is told at once', async () => {
  let asked = 0;
  const waiting = until('a stream', () => {
    asked += 1;
    throw new InVain('it was closed', { cause: 'reset' });
  });
  const error = await waiting.catch((e: Error) => e);
  expect(error).toMatchObject({ message: 'in vain: a stream: it was closed', cause: 'reset' });
  expect(asked).toBe(1);
});
