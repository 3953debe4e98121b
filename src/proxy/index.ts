export { DataPlane, type DataPlaneOptions } from './data-plane.ts';
export type { ClusterView, EndpointView, ListenerView, ProxyView } from './stats/index.ts';
