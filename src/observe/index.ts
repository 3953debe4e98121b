export { type AccessEntry, AccessLog, type AccessLogOptions } from './access-log.ts';
export { Histogram, latencyBoundsSeconds } from './histogram.ts';
export { createJsonLog, isLogLevel, type LeveledLog, type LineSink, logLevels } from './json-log.ts';
export { createFileSink, type LogSink, type LogSinkHandler } from './log-sink.ts';
export {
  type Labels,
  type MetricType,
  noLabels,
  PrometheusWriter,
  type PrometheusWriterOptions,
} from './prometheus-writer.ts';
export { ensureRequestId } from './request-id.ts';
export { StallMonitor } from './stall-monitor.ts';
export { type AbsentTrace, propagateTrace } from './trace.ts';
