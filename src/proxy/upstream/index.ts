export type { Cluster, EndpointRequest } from './cluster.ts';
export { ClusterTable } from './cluster-table.ts';
export type { UpstreamConnection } from './connection.ts';
export { Endpoint } from './endpoint.ts';
export type { Lane } from './lane.ts';
export { parseDestination } from './original-destinations.ts';
export type { Pool } from './pool.ts';
export { RawConnection, type RawOwner } from './raw-connection.ts';
export type { ConnectionWaiter, WaitList } from './wait-list.ts';
