export { type Counters, localCounters, SharedCounters } from './counters.ts';
export type { CheckBoard } from './shared-check.ts';
export { SharedMemory } from './shared-memory.ts';
export { SharedQuiet } from './shared-quiet.ts';
