export { type CheckedLine, installedChecks, preChecks, runChecks } from './run-checks.ts';
export { ClusterReader, type Verdict } from './types.ts';
