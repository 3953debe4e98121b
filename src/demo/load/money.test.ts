import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLedgerFile, type LedgerStore, openLedger } from '../../../examples/bank/ledger-store.ts';
import { checkMoney, isMoneyRight } from './money.ts';

const opening = 1000;
const first = { reference: 'a', from: 0, to: 1, pennies: 10 };
const second = { reference: 'b', from: 1, to: 2, pennies: 25 };

let folder = '';
let path = '';
let replicas: [LedgerStore, LedgerStore];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-money-'));
  path = join(folder, 'ledger.db');
  createLedgerFile(path, 3, opening);
  replicas = [openLedger(path), openLedger(path)];
});

afterEach(() => {
  for (const replica of replicas) replica.close();
  rmSync(folder, { recursive: true });
});

function book(replica: 0 | 1, key: string, { reference, from, to, pennies }: typeof first) {
  return replicas[replica].transfer(key, reference, from, to, pennies);
}

function damage(sql: string): void {
  const database = new Database(path);
  database.run(sql);
  database.close();
}

describe('the ledger', () => {
  test('books a key once, whichever replica is asked again', () => {
    expect(book(0, 'key-a', first)).toBe('booked');
    expect(book(1, 'key-a', first)).toBe('repeated');
    expect(replicas[0].balances([0, 1, 9])).toEqual({ 0: 990, 1: 1010 });
    expect(replicas[1].entries(1, 5)).toEqual([{ reference: 'a', pennies: 10 }]);
  });

  test('a repeat of a transfer that emptied the account is a repeat, not a refusal', () => {
    const all = { ...first, pennies: opening };
    expect([book(0, 'key-a', all), book(1, 'key-a', all), book(1, 'key-b', all)]).toEqual([
      'booked',
      'repeated',
      'refused',
    ]);
  });

  test.each([
    { name: 'more than there is', order: { ...first, pennies: opening + 1 } },
    { name: 'to itself', order: { ...first, to: 0 } },
    { name: 'nothing', order: { ...first, pennies: 0 } },
    { name: 'a negative amount', order: { ...first, pennies: -5 } },
    { name: 'parts of pennies', order: { ...first, pennies: 1.5 } },
    { name: 'to nobody', order: { ...first, to: 77 } },
    { name: 'from nobody', order: { ...first, from: 77 } },
  ])('refuses $name', ({ order }) => {
    expect(book(0, 'key-a', order)).toBe('refused');
    expect(isMoneyRight(checkMoney(path, opening, []))).toBe(true);
  });
});

describe('checkMoney', () => {
  beforeEach(() => {
    book(0, 'key-a', first);
    book(1, 'key-b', second);
  });

  test('agrees when every acknowledged transfer is there once', () => {
    const report = checkMoney(path, opening, [first, second]);
    expect(report).toEqual({ expected: 3000, found: 3000, doubled: 0, lost: 0, agreed: 2, wrongBalances: 0 });
    expect(isMoneyRight(report)).toBe(true);
  });

  test('a transfer that was booked but not acknowledged is no fault', () => {
    expect(isMoneyRight(checkMoney(path, opening, [first]))).toBe(true);
  });

  test.each([
    {
      name: 'lost: acknowledged and not there',
      harm: () => {},
      acknowledged: [first, { ...first, reference: 'c' }],
      expected: { lost: 1, agreed: 1 },
    },
    {
      name: 'lost: another amount than ordered',
      harm: () => {},
      acknowledged: [{ ...first, pennies: 11 }],
      expected: { lost: 1, agreed: 0 },
    },
    {
      name: 'doubled: booked under two keys',
      harm: () => book(0, 'key-a2', first),
      acknowledged: [first, second],
      expected: { doubled: 1, lost: 0, agreed: 1 },
    },
    {
      name: 'money from nowhere',
      harm: () => damage('UPDATE accounts SET pennies = pennies + 1 WHERE id = 0'),
      acknowledged: [first, second],
      expected: { found: 3001, wrongBalances: 1 },
    },
    {
      name: 'a balance that its entries do not explain',
      harm: () =>
        damage('UPDATE accounts SET pennies = pennies + CASE id WHEN 0 THEN 5 ELSE -5 END WHERE id < 2'),
      acknowledged: [first, second],
      expected: { found: 3000, wrongBalances: 2 },
    },
  ])('sees $name', ({ harm, acknowledged, expected }) => {
    harm();
    const report = checkMoney(path, opening, acknowledged);
    expect(report).toMatchObject(expected);
    expect(isMoneyRight(report)).toBe(false);
  });
});
