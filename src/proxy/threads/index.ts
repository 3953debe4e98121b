export { FirstThread, type ThreadsOptions } from './first-thread.ts';
export type { FromThread, Port, ThreadPort, ToThread } from './messages.ts';
export { startThread, type ThreadOptions } from './thread.ts';
