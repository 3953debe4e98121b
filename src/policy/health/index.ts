export { HealthJudge, nextCheckMs } from './health-judge.ts';
export { holdsBlocks } from './payload-match.ts';
export { noteConnected, noteUnconnected, redialAfterMs } from './reach-judge.ts';
export type { CheckResult, HealthTiming, HealthTransition } from './types.ts';
