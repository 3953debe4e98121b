// A number that goes up and down: connections, bytes held. An object, so that several threads can count in one
// (shared/).

export interface Gauge {
  readonly value: number;
  add(by: number): void;
  /** One more, unless that would be above `max`. */
  tryAdd(max: number): boolean;
}

export class LocalGauge implements Gauge {
  value = 0;

  add(by: number): void {
    this.value += by;
  }

  tryAdd(max: number): boolean {
    if (this.value >= max) return false;
    this.value += 1;
    return true;
  }
}
