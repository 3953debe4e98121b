export { AccessLog, type AccessLogOptions } from './access-log.ts';
export {
  type ConnectionFacts,
  compileJson,
  compileText,
  type FilterState,
  type Format,
  FormatSource,
  type HelloFingerprints,
  type LogType,
  type MetadataKind,
  type MetadataMap,
  responseFlagNames,
  type TimePoint,
  toBytes,
} from './format/index.ts';
export { Histogram, latencyBoundsSeconds } from './histogram.ts';
export {
  createJsonLog,
  isLogLevel,
  type LeveledLog,
  type LineSink,
  type LogThreshold,
  logLevels,
} from './json-log.ts';
export {
  andFilter,
  type Comparison,
  compareFilter,
  flagFilter,
  grpcStatusFilter,
  headerFilter,
  type LogFilter,
  logTypeFilter,
  type MetadataFilterOptions,
  type MetadataWish,
  metadataFilter,
  notHealthCheckFilter,
  orFilter,
  shareFilter,
  traceableFilter,
} from './log-filter.ts';
export { createFileSink, type LogSink, type LogSinkHandler } from './log-sink.ts';
export {
  type Labels,
  type MetricType,
  noLabels,
  PrometheusWriter,
  type PrometheusWriterOptions,
} from './prometheus-writer.ts';
export { clearTraceReason, createHexId, createRequestId, ensureRequestId } from './request-id.ts';
export { StallMonitor } from './stall-monitor.ts';
export { type AbsentTrace, isTraceparent, propagateTrace } from './trace.ts';
