// Numbers as people read them. A dash stands for "nothing to say", never a zero.

export const nothing = '–';

export function rate(value: number | null): string {
  if (value === null) return nothing;
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

export function milliseconds(value: number | null): string {
  if (value === null) return nothing;
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ms`;
}

/** Whole percents of a share of failures; some is never none. */
export function failures(value: number): string {
  return value > 0 && value < 0.01 ? 'under 1 %' : `${Math.round(value * 100)} %`;
}

/** Rounded down, so that 100 % means all. */
export function share(value: number | null): string {
  if (value === null) return nothing;
  return value === 1 ? '100 %' : `${(Math.floor(value * 10_000) / 100).toFixed(2)} %`;
}

export function age(seconds: number | null): string {
  if (seconds === null) return nothing;
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** `bank/ledger` without its namespace: a mesh on one page rarely needs it. */
function shortName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** The name of a Service; what belongs to none says so. */
export function serviceName(name: string): string {
  return name === '' ? '(no service)' : shortName(name);
}

/** Pennies as money. */
export function money(pennies: number): string {
  return (pennies / 100).toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
