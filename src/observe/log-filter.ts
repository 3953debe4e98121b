// Which requests have a line: Envoy's access log filters (envoy.config.accesslog.v3.AccessLogFilter), compiled once.

import type { Random } from '../base/index.ts';
import { type CompiledHeader, matchesHeaders, type ValueMatcher } from '../policy/index.ts';
import type { FormatSource, LogType } from './format/index.ts';

export interface LogFilter {
  admits(source: FormatSource, random: Random): boolean;
}

export type Comparison = 'EQ' | 'GE' | 'LE' | 'NE';

/** What a metadata filter wants of the value that it finds. */
export type MetadataWish =
  | { readonly kind: 'present' | 'null' }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly matcher: ValueMatcher };

export interface MetadataFilterOptions {
  readonly namespace: string;
  readonly path: readonly string[];
  readonly wish: MetadataWish;
  readonly invert: boolean;
  readonly ifMissing: boolean;
}

/** The value is read from the response status, 0 where there was none, or from the duration in ms. */
export function compareFilter(of: 'status' | 'duration', op: Comparison, value: number): LogFilter {
  const holds = comparisons[op];
  if (of === 'status') return { admits: (source) => holds(source.status, value) };
  return {
    admits(source) {
      const now = source.timeOf('DS_TX_END');
      return holds(Math.floor(now - source.timeOf('DS_RX_BEG')), value);
    },
  };
}

const comparisons: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  EQ: (a, b) => a === b,
  GE: (a, b) => a >= b,
  LE: (a, b) => a <= b,
  NE: (a, b) => a !== b,
};

export function notHealthCheckFilter(): LogFilter {
  return { admits: (source) => !source.healthCheck };
}

export function traceableFilter(): LogFilter {
  return { admits: (source) => source.traced };
}

/**
 * A share of requests. By the request id where there is one, so that all proxies of a request's way decide alike, else
 * (or where `independent`) by chance.
 */
export function shareFilter(numerator: number, denominator: number, independent: boolean): LogFilter {
  return {
    admits(source, random) {
      const drawn = independent ? Number.NaN : Number.parseInt(source.streamId.slice(0, 8), 16);
      const value = Number.isNaN(drawn) ? random.below(denominator) : drawn % denominator;
      return value < numerator;
    },
  };
}

export function andFilter(filters: readonly LogFilter[]): LogFilter {
  return { admits: (source, random) => filters.every((filter) => filter.admits(source, random)) };
}

export function orFilter(filters: readonly LogFilter[]): LogFilter {
  return { admits: (source, random) => filters.some((filter) => filter.admits(source, random)) };
}

export function headerFilter(headers: readonly CompiledHeader[]): LogFilter {
  return { admits: ({ request }) => request !== null && matchesHeaders(headers, request) };
}

/** Any of these; any at all where there are none. */
export function flagFilter(flags: readonly string[]): LogFilter {
  if (flags.length === 0) return { admits: (source) => source.flags !== '' };
  const wanted = new Set(flags);
  return { admits: (source) => source.flags.split(',').some((flag) => wanted.has(flag)) };
}

export function grpcStatusFilter(statuses: readonly number[], exclude: boolean): LogFilter {
  const wanted = new Set(statuses);
  return {
    admits(source) {
      const status = source.grpcStatus >= 0 ? source.grpcStatus : grpcOfHttp(source.status);
      return wanted.has(status) !== exclude;
    },
  };
}

/** Where no grpc-status was said: gRPC's own table from HTTP statuses, in which 200 stands for nothing. */
function grpcOfHttp(status: number): number {
  if (status === 400) return 13;
  if (status === 401) return 16;
  if (status === 403) return 7;
  if (status === 404) return 12;
  return status === 429 || (status >= 502 && status <= 504) ? 14 : 2;
}

export function logTypeFilter(types: readonly string[], exclude: boolean): LogFilter {
  const wanted = new Set<LogType | string>(types);
  return { admits: (source) => wanted.has(source.logType) !== exclude };
}

export function metadataFilter({
  namespace,
  path,
  wish,
  invert,
  ifMissing,
}: MetadataFilterOptions): LogFilter {
  return {
    admits(source) {
      let value: unknown = source.metadata('DYNAMIC')?.get(namespace);
      for (const key of path)
        value =
          typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
      if (value === undefined) return ifMissing;
      return fulfils(value, wish) !== invert;
    },
  };
}

function fulfils(value: unknown, wish: MetadataWish): boolean {
  switch (wish.kind) {
    case 'present':
      return true;
    case 'null':
      return value === null;
    case 'bool':
    case 'number':
      return value === wish.value;
    case 'range':
      return typeof value === 'number' && value >= wish.from && value < wish.to;
    case 'text':
      return typeof value === 'string' && wish.matcher.matches(value);
  }
}
