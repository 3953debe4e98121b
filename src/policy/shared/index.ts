export { type Counters, localCounters } from './counters.ts';
