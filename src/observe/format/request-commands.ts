// Commands that read the course of a request: times, sizes, outcome, names.

import { fail, ok } from '../../base/index.ts';
import { filterState } from './filter-state-command.ts';
import {
  always,
  type CommandSpec,
  type CommandTable,
  count,
  numberOperator,
  plain,
  textOperator,
  unknown,
} from './operator.ts';
import { type FormatSource, type TimePoint, timePoints } from './source.ts';
import { compileTimeFormat } from './time-format.ts';

/** Envoy's long names of its response flags, by the short ones. */
const longFlags: Readonly<Record<string, string>> = {
  LH: 'FailedLocalHealthCheck',
  UH: 'NoHealthyUpstream',
  UT: 'UpstreamRequestTimeout',
  LR: 'LocalReset',
  UR: 'UpstreamRemoteReset',
  UF: 'UpstreamConnectionFailure',
  UC: 'UpstreamConnectionTermination',
  UO: 'UpstreamOverflow',
  NR: 'NoRouteFound',
  DI: 'DelayInjected',
  FI: 'FaultInjected',
  RL: 'RateLimited',
  UAEX: 'UnauthorizedExternalService',
  RLSE: 'RateLimitServiceError',
  DC: 'DownstreamConnectionTermination',
  URX: 'UpstreamRetryLimitExceeded',
  SI: 'StreamIdleTimeout',
  IH: 'InvalidEnvoyRequestHeaders',
  DPE: 'DownstreamProtocolError',
  UMSDR: 'UpstreamMaxStreamDurationReached',
  RFCF: 'ResponseFromCacheFilter',
  NFCF: 'NoFilterConfigFound',
  DT: 'DurationTimeout',
  UPE: 'UpstreamProtocolError',
  NC: 'NoClusterFound',
  OM: 'OverloadManagerTerminated',
  DF: 'DnsResolutionFailed',
  DO: 'DropOverload',
  DR: 'DownstreamRemoteReset',
  UDO: 'UnconditionalDropOverload',
};

export const responseFlagNames: readonly string[] = Object.keys(longFlags);

export const requestCommands: CommandTable = {
  START_TIME: time((source) => source.startedWallMs, false),
  START_TIME_LOCAL: time((source) => source.startedWallMs, true),
  EMIT_TIME: time((source) => source.nowWallMs, false),
  EMIT_TIME_LOCAL: time((source) => source.nowWallMs, true),
  DURATION: span('DS_RX_BEG', 'DS_TX_END'),
  REQUEST_DURATION: span('DS_RX_BEG', 'DS_RX_END'),
  REQUEST_TX_DURATION: span('DS_RX_BEG', 'US_TX_END'),
  RESPONSE_DURATION: span('DS_RX_BEG', 'US_RX_BEG'),
  RESPONSE_TX_DURATION: span('US_RX_BEG', 'DS_TX_END'),
  UPSTREAM_CONNECTION_POOL_READY_DURATION: span('DS_RX_BEG', 'US_TX_BEG'),
  COMMON_DURATION: {
    argument: 'required',
    length: false,
    compile(argument) {
      const [from = '', to = '', unit = '', ...rest] = argument.split(':');
      const scale = scales[unit];
      if (!isTimePoint(from) || !isTimePoint(to) || scale === undefined || rest.length > 0)
        return fail(`takes two of ${timePoints.join(', ')}, then ms, us or ns`);
      return ok(numberOperator((source) => spanOf(source, from, to, scale)));
    },
  },
  BYTES_RECEIVED: count(({ bytesReceived }) => (bytesReceived < 0 ? null : bytesReceived)),
  BYTES_SENT: count(({ bytesSent }) => (bytesSent < 0 ? null : bytesSent)),
  BYTES_RETRANSMITTED: unknown('the kernel’s retransmissions are not asked for'),
  PROTOCOL: plain((source) => source.protocol),
  RESPONSE_CODE: count((source) => source.status),
  RESPONSE_CODE_DETAILS: {
    argument: 'optional',
    length: false,
    compile(argument) {
      if (argument === '') return ok(textOperator((source) => source.details.replaceAll(' ', '_') || null));
      if (argument !== 'ALLOW_WHITESPACES') return fail('takes ALLOW_WHITESPACES');
      return ok(textOperator((source) => source.details || null));
    },
  },
  CONNECTION_TERMINATION_DETAILS: plain((source) => source.terminationDetails),
  RESPONSE_FLAGS: always((source) => source.flags || '-'),
  RESPONSE_FLAGS_LONG: always(
    (source) => source.flags.replace(/[A-Z]+/g, (flag) => longFlags[flag] ?? flag) || '-',
  ),
  ROUTE_NAME: plain((source) => source.routeName),
  VIRTUAL_CLUSTER_NAME: plain((source) => source.virtualClusterName),
  LISTENER_NAME: plain((source) => source.listenerName),
  FILTER_CHAIN_NAME: plain((source) => source.chainName),
  STREAM_ID: plain((source) => source.streamId),
  UNIQUE_ID: plain((source) => source.uniqueId()),
  TRACE_ID: plain((source) => source.traceId),
  SPAN_ID: plain((source) => source.spanId),
  ACCESS_LOG_TYPE: always((source) => source.logType),
  LOCAL_REPLY_BODY: always((source) => source.localReplyBody),
  HOSTNAME: plain((source) => source.hostName),
  ENVIRONMENT: {
    argument: 'required',
    length: true,
    compile: (name, lengthMax) => ok(textOperator((source) => source.environment(name) ?? '-', lengthMax)),
  },
  FILTER_STATE: filterState((source, key) => source.filterState(key)),
  UPSTREAM_FILTER_STATE: filterState(() => null),
  CUSTOM_FLAGS: always(() => ''),
  ROUTE_RESOLUTION_COUNT: unknown('it is not counted'),
  ROUTE_RESOLUTION_TIME_US: unknown('it is not measured'),
  CEL: unknown('there is no CEL'),
  COALESCE: unknown('REQ takes an alternative: %REQ(A?B)%'),
};

const scales: Readonly<Record<string, number>> = { ms: 1, us: 1000, ns: 1_000_000 };

function isTimePoint(name: string): name is TimePoint {
  return (timePoints as readonly string[]).includes(name);
}

function spanOf(source: FormatSource, from: TimePoint, to: TimePoint, scale: number): number | null {
  const [begin, end] = [source.timeOf(from), source.timeOf(to)];
  return begin < 0 || end < begin ? null : Math.floor((end - begin) * scale);
}

function span(from: TimePoint, to: TimePoint): CommandSpec {
  return count((source) => spanOf(source, from, to, 1));
}

function time(read: (source: FormatSource) => number, local: boolean): CommandSpec {
  return {
    argument: 'optional',
    length: false,
    compile(argument) {
      const format = compileTimeFormat(argument, local);
      if (!format.ok) return format;
      const { value } = format;
      return ok(textOperator((source) => value.format(read(source))));
    },
  };
}
