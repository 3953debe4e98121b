export { type Clock, Timer, type TimerHandler } from './clock.ts';
export { copyBytes, copyInto } from './copy-bytes.ts';
export {
  assert,
  type ErrorCode,
  type ErrorSource,
  MeshError,
  type Retryable,
  unreachable,
} from './errors.ts';
export { refuseForeign } from './foreign-request.ts';
export { formatIp, parseIp } from './ip.ts';
export { createIpRange, type IpRange, rangeHas } from './ip-range.ts';
export { isLasting, keepBytes, lastingBytesMin, pinnedRatioMax } from './keep-bytes.ts';
export { type Log, type LogFields, type LogLevel, silentLog } from './log.ts';
export { nearestName } from './nearest-name.ts';
export type { Random } from './random.ts';
export { reconnectDelayMs } from './reconnect-delay.ts';
export { fail, formatIssue, type Issue, ok, type Result } from './result.ts';
export { Ring } from './ring.ts';
export { isSpecialIp } from './special-ip.ts';
export { TimerWheel } from './timer-wheel.ts';
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts';
export { Xoshiro128, type XoshiroState } from './xoshiro128.ts';
