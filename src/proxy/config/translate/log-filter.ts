// Access log filters to functions of a request; local replies ask the same ones.

import {
  andFilter,
  type Comparison,
  compareFilter,
  flagFilter,
  grpcStatusFilter,
  headerFilter,
  type LogFilter,
  logTypeFilter,
  type MetadataWish,
  metadataFilter,
  notHealthCheckFilter,
  orFilter,
  shareFilter,
  traceableFilter,
} from '../../../observe/index.ts';
import { compileHeaders, compileValues } from '../../../policy/index.ts';
import { type Faults, grpcStatusNumber, join, type LogFilterMessage } from '../schema/index.ts';
import { translateHeader, translateString } from './string-match.ts';

const everything: LogFilter = { admits: () => true };

export function translateLogFilter(message: LogFilterMessage, path: string, faults: Faults): LogFilter {
  const row = rows.find(([name]) => message[name] !== undefined);
  if (row === undefined) {
    faults.add(path, 'must be one of Envoy’s filters');
    return everything;
  }
  const [name, translate] = row;
  return translate(message, join(path, name), faults);
}

type Translate = (message: LogFilterMessage, path: string, faults: Faults) => LogFilter;

const rows: readonly (readonly [keyof LogFilterMessage, Translate])[] = [
  [
    'status_code_filter',
    (message, path, faults) => compare('status', message.status_code_filter, path, faults),
  ],
  ['duration_filter', (message, path, faults) => compare('duration', message.duration_filter, path, faults)],
  ['not_health_check_filter', notHealthCheckFilter],
  ['traceable_filter', traceableFilter],
  ['runtime_filter', translateShare],
  ['and_filter', (message, path, faults) => andFilter(several(message.and_filter, path, faults))],
  ['or_filter', (message, path, faults) => orFilter(several(message.or_filter, path, faults))],
  ['header_filter', translateHeaderFilter],
  ['response_flag_filter', (message) => flagFilter(message.response_flag_filter?.flags ?? [])],
  ['grpc_status_filter', translateGrpc],
  ['metadata_filter', translateMetadata],
  ['log_type_filter', translateTypes],
];

function compare(
  of: 'status' | 'duration',
  message: LogFilterMessage['status_code_filter'],
  path: string,
  faults: Faults,
): LogFilter {
  const comparison = message?.comparison;
  if (comparison?.value === undefined) {
    faults.add(join(path, comparison === undefined ? 'comparison' : 'comparison.value'), 'must be set');
    return everything;
  }
  const op: Comparison = comparison.op ?? 'EQ';
  return compareFilter(of, op, comparison.value.default_value ?? 0);
}

const denominators = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 } as const;

function translateShare({ runtime_filter: message }: LogFilterMessage): LogFilter {
  const share = message?.percent_sampled;
  const denominator = denominators[share?.denominator ?? 'HUNDRED'];
  return shareFilter(share?.numerator ?? 0, denominator, message?.use_independent_randomness === true);
}

function several(
  list: { readonly filters: readonly LogFilterMessage[] } | undefined,
  path: string,
  faults: Faults,
): readonly LogFilter[] {
  const filters = list?.filters ?? [];
  if (filters.length < 2) faults.add(join(path, 'filters'), 'must be at least two', filters.length);
  return filters.map((filter, index) =>
    translateLogFilter(filter, `${join(path, 'filters')}[${index}]`, faults),
  );
}

function translateHeaderFilter(
  { header_filter: message }: LogFilterMessage,
  path: string,
  faults: Faults,
): LogFilter {
  const at = join(path, 'header');
  if (message?.header === undefined) {
    faults.add(at, 'must be set');
    return everything;
  }
  const before = faults.issues.length;
  const header = translateHeader(message.header, at, faults);
  return faults.issues.length > before ? everything : headerFilter(compileHeaders([header]));
}

function translateGrpc({ grpc_status_filter: message }: LogFilterMessage): LogFilter {
  return grpcStatusFilter((message?.statuses ?? []).map(grpcStatusNumber), message?.exclude === true);
}

function translateTypes({ log_type_filter: message }: LogFilterMessage): LogFilter {
  return logTypeFilter(message?.types ?? [], message?.exclude === true);
}

function translateMetadata(
  { metadata_filter: message }: LogFilterMessage,
  path: string,
  faults: Faults,
): LogFilter {
  const matcher = message?.matcher;
  // Without a matcher only whether a key is missing would count, and no key is named.
  if (matcher === undefined) return everything;
  const at = join(path, 'matcher');
  if (matcher.path.length === 0) faults.add(join(at, 'path'), 'must not be empty');
  return metadataFilter({
    namespace: matcher.filter ?? '',
    path: matcher.path.map(({ key = '' }) => key),
    wish: translateWish(matcher.value, join(at, 'value'), faults),
    invert: matcher.invert === true,
    ifMissing: message?.match_if_key_not_found ?? true,
  });
}

type MatcherMessage = NonNullable<NonNullable<LogFilterMessage['metadata_filter']>['matcher']>;

function translateWish(value: MatcherMessage['value'], path: string, faults: Faults): MetadataWish {
  const present: MetadataWish = { kind: 'present' };
  if (value === undefined) {
    faults.add(path, 'must be set');
    return present;
  }
  if (value.null_match !== undefined) return { kind: 'null' };
  if (value.bool_match !== undefined) return { kind: 'bool', value: value.bool_match };
  const number = value.double_match;
  if (number?.exact !== undefined) return { kind: 'number', value: number.exact };
  if (number?.range !== undefined)
    return { kind: 'range', from: number.range.start ?? 0, to: number.range.end ?? 0 };
  if (value.string_match === undefined) return present;
  const before = faults.issues.length;
  const match = translateString(value.string_match, join(path, 'string_match'), faults);
  const [matcher] = faults.issues.length > before ? [] : compileValues([match]);
  return matcher === undefined ? present : { kind: 'text', matcher };
}
