// START_TIME and its like: what absl::FormatTime understands (abseil.io, "Time formatting": strftime's letters and its
// own %E forms), and Envoy's %f, %3f for the fraction. Compiled to functions of one broken-down moment.

import { fail, ok, type Result } from '../../base/index.ts';

export interface TimeFormat {
  format(wallMs: number): string;
}

interface Moment {
  /** Broken down in the wanted zone, to be read by the UTC getters. */
  readonly date: Date;
  readonly wallMs: number;
  readonly offsetMinutes: number;
}

type Field = (moment: Moment) => string;

const isoLocal = '%Y-%m-%dT%H:%M:%E3S%z';
const dayMs = 86_400_000;

/** '' is the default: ISO 8601 with milliseconds. */
export function compileTimeFormat(text: string, local: boolean): Result<TimeFormat, string> {
  if (text === '' && !local) return ok(new IsoTime());
  const parts: (string | Field)[] = [];
  const source = text === '' ? isoLocal : text;
  let at = 0;
  for (const match of source.matchAll(specifier)) {
    if (match.index > at) parts.push(source.slice(at, match.index));
    at = match.index + match[0].length;
    const field = match[0] === '%%' ? '%' : compileField(match[1] ?? '');
    if (field === null) return fail(`${match[0]} is no time specifier`);
    parts.push(field);
  }
  if (at < source.length) parts.push(source.slice(at));
  return ok(new CustomTime(parts, local));
}

const specifier = /%(E[0-9*]+[Sf]|E4Y|E\*?z|ET|:{1,3}z|[1-9]?f|.?)/gs;

class CustomTime implements TimeFormat {
  private readonly parts: readonly (string | Field)[];
  private readonly local: boolean;

  constructor(parts: readonly (string | Field)[], local: boolean) {
    this.parts = parts;
    this.local = local;
  }

  format(wallMs: number): string {
    const offsetMinutes = this.local ? -new Date(wallMs).getTimezoneOffset() : 0;
    const moment = { wallMs, offsetMinutes, date: new Date(wallMs + offsetMinutes * 60_000) };
    return this.parts.map((part) => (typeof part === 'string' ? part : part(moment))).join('');
  }
}

/** ISO time with the second's part kept: requests of one second differ in three digits only. */
class IsoTime implements TimeFormat {
  private second = Number.NaN;
  private prefix = '';

  format(wallMs: number): string {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.second) {
      this.second = second;
      this.prefix = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return `${this.prefix}${pad(Math.floor(wallMs - second * 1000), 3)}Z`;
  }
}

function compileField(letters: string): Field | null {
  const fraction = /^E?([0-9*]*)f$/.exec(letters);
  if (fraction !== null) return compileFraction(letters.startsWith('E') ? fraction[1]! : fraction[1] || '9');
  const seconds = /^E([0-9*]+)S$/.exec(letters);
  if (seconds !== null) {
    const digits = compileFraction(seconds[1]!);
    return (moment) => {
      const rest = digits(moment);
      return pad(moment.date.getUTCSeconds(), 2) + (rest === '' ? '' : `.${rest}`);
    };
  }
  return fields[letters] ?? null;
}

/** `*`: as many digits as there are, of nanoseconds. */
function compileFraction(digits: string): Field {
  const of = ({ wallMs }: Moment) => pad(Math.round((wallMs - Math.floor(wallMs / 1000) * 1000) * 1000), 6);
  if (digits === '*') return (moment) => of(moment).replace(/0+$/, '');
  const count = Number(digits);
  return (moment) => of(moment).padEnd(count, '0').slice(0, count);
}

const months = 'January February March April May June July August September October November December'.split(
  ' ',
);
const days = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

const fields: Readonly<Record<string, Field>> = {
  a: ({ date }) => days[date.getUTCDay()]!.slice(0, 3),
  A: ({ date }) => days[date.getUTCDay()]!,
  b: ({ date }) => months[date.getUTCMonth()]!.slice(0, 3),
  B: ({ date }) => months[date.getUTCMonth()]!,
  h: ({ date }) => months[date.getUTCMonth()]!.slice(0, 3),
  c: (moment) => joined(moment, 'a', ' ', 'b', ' ', 'e', ' ', 'T', ' ', 'Y'),
  C: ({ date }) => pad(Math.floor(date.getUTCFullYear() / 100), 2),
  d: ({ date }) => pad(date.getUTCDate(), 2),
  D: (moment) => joined(moment, 'm', '/', 'd', '/', 'y'),
  e: ({ date }) => `${date.getUTCDate()}`.padStart(2),
  F: (moment) => joined(moment, 'Y', '-', 'm', '-', 'd'),
  g: ({ date }) => pad(isoWeek(date).year % 100, 2),
  G: ({ date }) => `${isoWeek(date).year}`,
  H: ({ date }) => pad(date.getUTCHours(), 2),
  I: ({ date }) => pad(hour12(date), 2),
  j: ({ date }) => pad(dayOfYear(date) + 1, 3),
  k: ({ date }) => `${date.getUTCHours()}`.padStart(2),
  l: ({ date }) => `${hour12(date)}`.padStart(2),
  m: ({ date }) => pad(date.getUTCMonth() + 1, 2),
  M: ({ date }) => pad(date.getUTCMinutes(), 2),
  p: ({ date }) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  r: (moment) => joined(moment, 'I', ':', 'M', ':', 'S', ' ', 'p'),
  R: (moment) => joined(moment, 'H', ':', 'M'),
  s: ({ wallMs }) => `${Math.floor(wallMs / 1000)}`,
  S: ({ date }) => pad(date.getUTCSeconds(), 2),
  t: () => '\t',
  T: (moment) => joined(moment, 'H', ':', 'M', ':', 'S'),
  u: ({ date }) => `${date.getUTCDay() || 7}`,
  U: ({ date }) => pad(Math.floor((dayOfYear(date) + 7 - date.getUTCDay()) / 7), 2),
  V: ({ date }) => pad(isoWeek(date).week, 2),
  w: ({ date }) => `${date.getUTCDay()}`,
  W: ({ date }) => pad(Math.floor((dayOfYear(date) + 7 - ((date.getUTCDay() + 6) % 7)) / 7), 2),
  x: (moment) => joined(moment, 'D'),
  X: (moment) => joined(moment, 'T'),
  y: ({ date }) => pad(date.getUTCFullYear() % 100, 2),
  Y: ({ date }) => `${date.getUTCFullYear()}`,
  E4Y: ({ date }) => pad(date.getUTCFullYear(), 4),
  ET: () => 'T',
  z: (moment) => offset(moment, ''),
  ':z': (moment) => offset(moment, ':'),
  Ez: (moment) => offset(moment, ':'),
  '::z': (moment) => `${offset(moment, ':')}:00`,
  'E*z': (moment) => `${offset(moment, ':')}:00`,
  Z: ({ offsetMinutes }) => (offsetMinutes === 0 ? 'UTC' : zoneName()),
};

/** Letters of {@link fields}, and what stands between them. */
function joined(moment: Moment, ...letters: readonly string[]): string {
  return letters.map((letter) => fields[letter]?.(moment) ?? letter).join('');
}

function pad(value: number, digits: number): string {
  return `${value}`.padStart(digits, '0');
}

function hour12(date: Date): number {
  return date.getUTCHours() % 12 || 12;
}

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / dayMs);
}

/** ISO 8601: the week that holds a year's first Thursday is its first. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * dayMs);
  return { year: thursday.getUTCFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}

function offset({ offsetMinutes }: Moment, separator: string): string {
  const minutes = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60), 2)}${separator}${pad(minutes % 60, 2)}`;
}

function zoneName(): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts();
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC';
}
