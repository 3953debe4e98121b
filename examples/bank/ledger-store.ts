// The ledger's database: SQLite in one file that all replicas open, integer pennies, and a transfer that is booked at
// most once for each idempotency key, because the key and the entries are written by the same transaction.

import { Database } from 'bun:sqlite';

export type TransferOutcome = 'booked' | 'repeated' | 'refused';

export interface LedgerStore {
  /** Account number to pennies, for those that exist. */
  balances(accounts: readonly number[]): Record<number, number>;
  /** The newest `limit` entries of an account. */
  entries(account: number, limit: number): readonly { reference: string; pennies: number }[];
  /** Moves `pennies` once for each `key`; `repeated` when the key was booked before. */
  transfer(key: string, reference: string, from: number, to: number, pennies: number): TransferOutcome;
  close(): void;
}

const schema = `
  CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY, pennies INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS transfers (key TEXT PRIMARY KEY) WITHOUT ROWID;
  -- No key is unique here: a transfer booked twice under two keys must be visible, not impossible.
  CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY, reference TEXT NOT NULL, account INTEGER NOT NULL, pennies INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS entries_by_account ON entries (account, id);
`;

/** Creates the file with `accounts` accounts of `pennies` each; a file that exists is left as it is. */
export function createLedgerFile(path: string, accounts: number, pennies: number): void {
  const database = openDatabase(path);
  database.run(schema);
  const insert = database.prepare('INSERT OR IGNORE INTO accounts (id, pennies) VALUES (?, ?)');
  database.transaction(() => {
    for (let id = 0; id < accounts; id++) insert.run(id, pennies);
  })();
  insert.finalize();
  database.close();
}

export function openLedger(path: string): LedgerStore {
  const database = openDatabase(path);
  const balance = database.query<{ pennies: number }, [number]>('SELECT pennies FROM accounts WHERE id = ?');
  const latest = database.query<{ reference: string; pennies: number }, [number, number]>(
    'SELECT reference, pennies FROM entries WHERE account = ? ORDER BY id DESC LIMIT ?',
  );
  const seen = database.query<{ key: string }, [string]>('SELECT key FROM transfers WHERE key = ?');
  const claim = database.query('INSERT INTO transfers (key) VALUES (?)');
  const move = database.query('UPDATE accounts SET pennies = pennies + ? WHERE id = ?');
  const note = database.query('INSERT INTO entries (reference, account, pennies) VALUES (?, ?, ?)');

  const book = database.transaction(
    (key: string, reference: string, from: number, to: number, pennies: number): TransferOutcome => {
      // The key comes first: a repeat of a transfer that emptied the account is still a repeat.
      if (seen.get(key) !== null) return 'repeated';
      if ((balance.get(from)?.pennies ?? 0) < pennies) return 'refused';
      claim.run(key);
      for (const [account, delta] of [
        [from, -pennies],
        [to, pennies],
      ] as const) {
        move.run(delta, account);
        note.run(reference, account, delta);
      }
      return 'booked';
    },
  );

  return {
    balances(accounts) {
      const result: Record<number, number> = {};
      for (const account of accounts) {
        const row = balance.get(account);
        if (row !== null) result[account] = row.pennies;
      }
      return result;
    },
    entries: (account, limit) => latest.all(account, limit),
    transfer(key, reference, from, to, pennies) {
      const sound = Number.isSafeInteger(pennies) && pennies > 0 && from !== to;
      if (!sound || balance.get(to) === null) return 'refused';
      // Immediate: takes the write lock before reading, so that two replicas wait for each other instead of failing to
      // upgrade.
      return book.immediate(key, reference, from, to, pennies);
    },
    close: () => database.close(),
  };
}

function openDatabase(path: string): Database {
  const database = new Database(path, { create: true });
  database.run('PRAGMA busy_timeout = 5000');
  database.run('PRAGMA journal_mode = WAL');
  database.run('PRAGMA synchronous = NORMAL');
  return database;
}
