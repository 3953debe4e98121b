// Every request that a simulated caller sent, and everything that happened to it anywhere: the evidence for the
// checkers.

export interface RequestRecord {
  readonly id: number;
  readonly method: string;
  /** May be repeated: an idempotent method, or a key. */
  readonly repeatable: boolean;
  readonly sentMs: number;
  /** Final answers that the caller got; must become 1. */
  answers: number;
  /** Of the first answer; 0 without one. */
  status: number;
  /** Answers whose body did not come to its end, and connections that ended without an answer. */
  broken: number;
  endMs: number;
  /** How often an application received it whole. */
  executions: number;
}

export class RequestBook {
  readonly records: RequestRecord[] = [];

  open(method: string, repeatable: boolean, nowMs: number): RequestRecord {
    const record: RequestRecord = {
      id: this.records.length,
      method,
      repeatable,
      sentMs: nowMs,
      answers: 0,
      status: 0,
      broken: 0,
      endMs: -1,
      executions: 0,
    };
    this.records.push(record);
    return record;
  }

  /** An application received the request with this id. */
  execute(id: string | null): void {
    const record = this.records[Number(id ?? -1)];
    if (record !== undefined) record.executions += 1;
  }

  get pending(): number {
    return this.records.filter((record) => record.endMs < 0).length;
  }
}

export const requestIdField = 'x-sim-request';
