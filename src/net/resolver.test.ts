import { describe, expect, test } from 'bun:test';
import { MeshError } from '../base/index.ts';
import { createMemoryResolver } from './memory-resolver.ts';
import type { LookupAnswer, Resolver } from './resolver.ts';
import { createSystemResolver } from './system-resolver.ts';

const table: Readonly<Record<string, readonly string[]>> = { 'ledger.bank': ['10.0.0.2', '10.0.0.1'] };

function failWith(code: string): never {
  throw Object.assign(new Error(code), { code });
}

const systemWithTable = createSystemResolver(async (name): Promise<readonly LookupAnswer[]> => {
  if (name === 'silent') failWith('ETIMEOUT');
  const addresses = table[name] ?? failWith('ENOTFOUND');
  return addresses.map((address, at) => ({ address, ttl: 30 - at }));
});

async function failureOf(resolver: Resolver, name: string): Promise<MeshError> {
  const failure = await resolver.resolve(name).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(MeshError);
  return failure as MeshError;
}

for (const [name, resolver] of [
  ['system', systemWithTable],
  ['in memory', createMemoryResolver(table)],
] as const) {
  describe(`Resolver contract: ${name}`, () => {
    test('gives all addresses in order, and how long they hold', async () => {
      const answer = await resolver.resolve('ledger.bank');
      expect(answer.addresses).toEqual(['10.0.0.2', '10.0.0.1']);
      expect(answer.ttlSeconds).toBeGreaterThanOrEqual(1);
    });

    test('an IP literal is its own address', async () => {
      expect((await resolver.resolve('::1')).addresses).toEqual(['::1']);
      expect((await resolver.resolve('127.0.0.1')).addresses).toEqual(['127.0.0.1']);
    });

    test('a name that does not exist is name-not-found and not worth a retry', async () => {
      const failure = await failureOf(resolver, 'nobody.bank');
      expect([failure.code, failure.retry]).toEqual(['name-not-found', 'no']);
      expect(failure.message).toContain('nobody.bank');
    });
  });
}

describe('resolvers', () => {
  test('no answer is not the same as no name', async () => {
    const memory = createMemoryResolver(table);
    memory.silent = true;
    for (const failure of [
      await failureOf(systemWithTable, 'silent'),
      await failureOf(memory, 'ledger.bank'),
    ])
      expect([failure.code, failure.retry]).toEqual(['connect-failed', 'yes']);
  });

  test('the shortest time to live counts, and a missing one is replaced', async () => {
    const answers = { a: [5, 90], b: [0, 0], c: [0, 7] } as const;
    const resolver = createSystemResolver(async (name) =>
      answers[name as 'a' | 'b' | 'c'].map((ttl) => ({ address: `10.0.0.${ttl}`, ttl })),
    );
    const ttls = await Promise.all(['a', 'b', 'c'].map((name) => resolver.resolve(name)));
    expect(ttls.map(({ ttlSeconds }) => ttlSeconds)).toEqual([5, 30, 7]);
  });

  test('an empty answer is name-not-found', async () => {
    const failure = await failureOf(
      createSystemResolver(async () => []),
      'empty',
    );
    expect(failure.code).toBe('name-not-found');
  });

  test('the real one knows localhost', async () => {
    const { addresses } = await createSystemResolver().resolve('localhost');
    expect(addresses.some((address) => address === '127.0.0.1' || address === '::1')).toBe(true);
  });

  test('a name of the table can be taken away', async () => {
    const memory = createMemoryResolver(table);
    memory.set('ledger.bank', []);
    expect((await failureOf(memory, 'ledger.bank')).code).toBe('name-not-found');
  });
});
