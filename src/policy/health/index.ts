export { HealthJudge, nextCheckMs } from './health-judge.ts';
export { holdsBlocks } from './payload-match.ts';
export type { CheckResult, HealthTiming, HealthTransition } from './types.ts';
