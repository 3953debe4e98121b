// Answers by their status.

export class StatusCounts {
  /** Index 1 to 5; 0: of those whose status is not to be told. */
  readonly classes = [0, 0, 0, 0, 0, 0];
  readonly statuses = new Map<number, number>();

  /** 0: it is not to be told. */
  count(status: number): void {
    this.classes[Math.min(5, Math.floor(status / 100))]! += 1;
    if (status > 0) this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
  }
}
