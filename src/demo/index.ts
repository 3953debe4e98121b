export type { CommandResult } from './control/commands.ts';
export { Demo, type DemoOptions } from './demo.ts';
export { DemoFault } from './fault.ts';
export { type LiveOptions, runLive } from './live.ts';
export { runBankLoad } from './load/bank-load.ts';
export { listRunningDemos, type RunningDemo, runtimeFolder } from './machine/runtime-file.ts';
export { type NetworkKind, networkKinds } from './network/index.ts';
export type { RunReport } from './scenario/report.ts';
export { describeReport, runScripted, type ScenarioName } from './scenario/scripted.ts';
