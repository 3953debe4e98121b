export { type Clock, Timer, type TimerHandler } from './clock.ts';
export {
  assert,
  type ErrorCode,
  type ErrorSource,
  MeshError,
  type Retryable,
  unreachable,
} from './errors.ts';
export { type Log, type LogFields, type LogLevel, silentLog } from './log.ts';
export type { Random } from './random.ts';
export { fail, formatIssue, type Issue, ok, type Result } from './result.ts';
