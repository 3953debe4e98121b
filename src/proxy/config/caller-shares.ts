// How much of a bound each caller has: of what is free at least as much as the caller has already must be left, so that
// no caller takes all (Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", with
// alpha 1). One that is alone has half, and each of n that want all has its n+1st part.

export class CallerShares {
  private readonly held = new Map<string, number>();
  private readonly max: number;
  private all = 0;

  constructor(max: number) {
    this.max = max;
  }

  get size(): number {
    return this.all;
  }

  /** False: there is no room for this caller. `caller` '' has no share of its own, and takes what there is. */
  take(caller: string): boolean {
    const own = this.held.get(caller) ?? 0;
    const free = this.max - this.all;
    if (free <= 0 || (caller !== '' && own >= free)) return false;
    this.all += 1;
    if (caller !== '') this.held.set(caller, own + 1);
    return true;
  }

  /** One of those that it took. */
  release(caller: string): void {
    this.all -= 1;
    const own = this.held.get(caller) ?? 0;
    if (own > 1) this.held.set(caller, own - 1);
    else this.held.delete(caller);
  }
}
