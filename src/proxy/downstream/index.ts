export type { DownstreamConnection } from './connection.ts';
export type { DrainStrategy } from './drain-pace.ts';
export { RuntimeListener } from './listener.ts';
