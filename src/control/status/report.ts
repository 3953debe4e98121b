// The status of every object, and what of it is a fault: one view for the control plane's API and for `weft check`.

import type { Issue } from '../../base/index.ts';
import type { CatalogEntry, Standing } from '../model/catalog.ts';
import { type Condition, type ConditionBook, itself } from '../model/status.ts';
import type { ObjectKey, SourceFault } from '../source/types.ts';

export interface ObjectStatus {
  /** `namespace/Kind/name`; a group behind the kind where it is not the one that the mesh means by it. */
  readonly key: ObjectKey;
  /** Group and version, as written. */
  readonly apiVersion: string;
  /** As written. */
  readonly kind: string;
  /** Path below the directory; empty: from an API server. */
  readonly file: string;
  /** On which the object begins; 0: not known. */
  readonly line: number;
  /**
   * `current`: as written. `partial`: but for the parts at fault, which are refused. `last-good`: an older version, for
   * this one is faulty. `refused`: what it would have governed is answered with errors. `none`: nothing of it.
   */
  readonly inForce: Standing;
  /** What is said about the object, its parents and its parts. */
  readonly conditions: readonly Condition[];
  /** What is wrong with the object as it is written. */
  readonly issues: readonly Issue[];
  /** Why the mesh does not look at it; empty: it does. */
  readonly note: string;
}

/** One thing wrong, with where it is written. */
export interface Finding {
  /** Path below the directory; empty: from an API server. */
  readonly file: string;
  /** 1-based; 0: not known. */
  readonly line: number;
  /** What, and the rule that it breaks. */
  readonly issue: Issue;
}

export function reportObjects(
  entries: readonly CatalogEntry[],
  book: ConditionBook,
): readonly ObjectStatus[] {
  return entries.map((entry) => ({
    key: entry.key,
    apiVersion: entry.apiVersion,
    kind: entry.kind,
    file: entry.origin.file,
    line: entry.origin.line,
    inForce: entry.standing,
    conditions: [...invalidCondition(entry), ...book.of(entry.key)],
    issues: entry.issues,
    note: entry.note,
  }));
}

function invalidCondition(entry: CatalogEntry): readonly Condition[] {
  const [first] = entry.issues;
  if (first === undefined) return [];
  const rest = entry.issues.length > 1 ? ` (and ${entry.issues.length - 1} more)` : '';
  const where = first.field === '' ? '' : `${first.field}: `;
  const message = `${where}${first.rule}${rest}${outcome[entry.standing]}`;
  return entry.standing === 'partial'
    ? [{ ...invalid, type: 'PartiallyInvalid', status: 'True', reason: 'UnsupportedValue', message }]
    : [{ ...invalid, type: 'Accepted', status: 'False', reason: 'Invalid', message }];
}

const invalid = { about: '', subject: itself } as const;

const outcome: Readonly<Record<Standing, string>> = {
  current: '',
  partial: '; the rest holds as written',
  'last-good': '; the last good version stays in force',
  refused: '; what it governs is answered 500',
  none: '',
};

/** What is no fault of the author's: said, but nothing to mend. */
const harmless: ReadonlySet<string> = new Set(['Pending', 'UnsupportedProtocol', 'UnknownHint', 'NoPorts']);

export function listFindings(
  statuses: readonly ObjectStatus[],
  faults: readonly SourceFault[],
): readonly Finding[] {
  const findings = faults.map(({ origin, issue }): Finding => ({ ...origin, issue }));
  for (const status of statuses) {
    const { file, line } = status;
    for (const issue of status.issues) findings.push({ file, line, issue });
    for (const condition of status.conditions) {
      if (condition.status === 'True' || condition.reason === 'Invalid' || harmless.has(condition.reason))
        continue;
      const rule = `${condition.reason}: ${condition.message}`;
      findings.push({ file, line, issue: { object: status.key, field: '', rule, value: condition.about } });
    }
  }
  return findings;
}

/** Notes and harmless conditions, as sentences. */
export function listNotes(statuses: readonly ObjectStatus[]): readonly string[] {
  return statuses.flatMap((status) => [
    ...(status.note === '' ? [] : [`${status.key}: ${status.note}`]),
    ...status.conditions
      .filter((condition) => condition.status === 'False' && harmless.has(condition.reason))
      .map((condition) => `${condition.about === '' ? status.key : condition.about}: ${condition.message}`),
  ]);
}
