export type { DownstreamConnection } from './connection.ts';
export { RuntimeListener } from './listener.ts';
