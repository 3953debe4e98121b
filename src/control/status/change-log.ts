// The log of what people change: every object that changed and every fault that came or went, once each, with the
// object. A fault that stays is not said again; endpoints, which change by themselves, are not said at all.

import type { Log } from '../../base/index.ts';
import type { CatalogEntry } from '../model/catalog.ts';
import type { ConditionBook } from '../model/status.ts';
import type { ObjectKey, SourceFault } from '../source/types.ts';
import { type Finding, listFindings, reportObjects } from './report.ts';

/** What happened to one object. */
export interface ObjectChange {
  readonly key: ObjectKey;
  readonly kind: string;
  readonly change: 'added' | 'changed' | 'removed';
  /** It has faults of its own, or had some. */
  readonly faulty: boolean;
}

/** Lines for one batch of changes; of more only the number is said. */
export const linesPerBatchMax = 50;

const quietKinds: ReadonlySet<string> = new Set(['EndpointSlice', 'Pod', 'Node', 'Lease']);

export class ChangeLog {
  private readonly log: Log;
  private faults: ReadonlyMap<string, Finding> = new Map();

  constructor(log: Log) {
    this.log = log;
  }

  tellChanges(changes: readonly ObjectChange[]): void {
    const said = changes.filter(({ kind }) => !quietKinds.has(kind));
    for (const { key, change } of said.slice(0, linesPerBatchMax))
      this.log.write('info', `object ${change}`, { object: key });
    this.tellRest(said.length, 'info', 'more objects changed');
  }

  /** Can these changes have made or mended a fault? Endpoints that are, and were, well written cannot. */
  concerns(changes: readonly ObjectChange[]): boolean {
    return changes.some(({ kind, faulty }) => faulty || !quietKinds.has(kind));
  }

  tellFaults(
    entries: readonly CatalogEntry[],
    book: ConditionBook,
    sourceFaults: readonly SourceFault[],
  ): void {
    const faults = new Map<string, Finding>();
    // Of most objects nothing is said.
    const told = entries.filter(({ key, issues }) => issues.length > 0 || book.of(key).length > 0);
    for (const finding of listFindings(reportObjects(told, book), sourceFaults)) {
      const { object, field, rule, value } = finding.issue;
      faults.set(`${finding.file}\n${object}\n${field}\n${rule}\n${value}`, finding);
    }
    const before = this.faults;
    this.faults = faults;
    this.tellEach('warn', 'object at fault', 'more faults', faults, before);
    this.tellEach('info', 'fault mended', 'more faults mended', before, faults);
  }

  private tellEach(
    level: 'warn' | 'info',
    message: string,
    rest: string,
    of: ReadonlyMap<string, Finding>,
    known: ReadonlyMap<string, Finding>,
  ): void {
    const news = [...of].filter(([key]) => !known.has(key));
    for (const [, { file, line, issue }] of news.slice(0, linesPerBatchMax))
      this.log.write(level, message, { ...issue, file, line });
    this.tellRest(news.length, level, rest);
  }

  private tellRest(all: number, level: 'warn' | 'info', message: string): void {
    if (all > linesPerBatchMax) this.log.write(level, message, { count: all - linesPerBatchMax });
  }
}
