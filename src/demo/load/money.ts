// Is the money right? Compares what the bank promised its clients (acknowledged transfers) with what its ledger holds,
// entry by entry.

import { Database } from 'bun:sqlite';

/** A transfer that the client was told has happened. */
export interface AcknowledgedTransfer {
  readonly reference: string;
  readonly from: number;
  readonly to: number;
  readonly pennies: number;
}

export interface MoneyReport {
  /** What all balances together must be, in pennies, and what they are. */
  readonly expected: number;
  readonly found: number;
  /** Transfers booked more than once, acknowledged or not. */
  readonly doubled: number;
  /** Acknowledged transfers that are not in the ledger, or not as they were ordered. */
  readonly lost: number;
  /** Acknowledged transfers found exactly once. */
  readonly agreed: number;
  /** Accounts whose balance is not the opening balance plus their entries. */
  readonly wrongBalances: number;
}

/** Every account opened with `openingPennies`. Reads the ledger's file while it may be in use. */
export function checkMoney(
  ledgerPath: string,
  openingPennies: number,
  acknowledged: readonly AcknowledgedTransfer[],
): MoneyReport {
  const database = new Database(ledgerPath, { readonly: true });
  try {
    // One transaction: accounts and entries of the same moment.
    return database.transaction(() => {
      const booked = readEntries(database);
      const agreed = acknowledged.filter((transfer) =>
        isBookedOnce(transfer, booked.get(transfer.reference)),
      );
      const doubled = [...booked.values()].filter((entries) => entries.length > 2).length;
      const twice = acknowledged.filter(({ reference }) => (booked.get(reference)?.length ?? 0) > 2);
      return {
        ...sumBalances(database, openingPennies),
        doubled,
        lost: acknowledged.length - agreed.length - twice.length,
        agreed: agreed.length,
      };
    })();
  } finally {
    database.close();
  }
}

export function isMoneyRight(report: MoneyReport): boolean {
  return (
    report.expected === report.found &&
    report.doubled === 0 &&
    report.lost === 0 &&
    report.wrongBalances === 0
  );
}

interface Entry {
  readonly reference: string;
  readonly account: number;
  readonly pennies: number;
}

function readEntries(database: Database): Map<string, Entry[]> {
  const rows = database.query<Entry, []>('SELECT reference, account, pennies FROM entries').all();
  const booked = new Map<string, Entry[]>();
  for (const row of rows) {
    const entries = booked.get(row.reference);
    if (entries === undefined) booked.set(row.reference, [row]);
    else entries.push(row);
  }
  return booked;
}

function isBookedOnce(transfer: AcknowledgedTransfer, entries: readonly Entry[] | undefined): boolean {
  if (entries?.length !== 2) return false;
  const holds = (account: number, pennies: number) =>
    entries.some((entry) => entry.account === account && entry.pennies === pennies);
  return holds(transfer.from, -transfer.pennies) && holds(transfer.to, transfer.pennies);
}

function sumBalances(database: Database, openingPennies: number) {
  const totals = database
    .query<{ accounts: number; pennies: number }, []>(
      'SELECT COUNT(*) AS accounts, COALESCE(SUM(pennies), 0) AS pennies FROM accounts',
    )
    .get();
  const wrong = database
    .query<{ accounts: number }, [number]>(
      `SELECT COUNT(*) AS accounts FROM accounts
       LEFT JOIN (SELECT account, SUM(pennies) AS moved FROM entries GROUP BY account) ON account = id
       WHERE pennies <> ? + COALESCE(moved, 0)`,
    )
    .get(openingPennies);
  return {
    expected: (totals?.accounts ?? 0) * openingPennies,
    found: totals?.pennies ?? 0,
    wrongBalances: wrong?.accounts ?? 0,
  };
}
