export type { ProcessInfo } from './admin/index.ts';
export { createAdsFailover } from './ads-failover.ts';
export {
  type AdsConfig,
  type Bootstrap,
  type BootstrapOptions,
  decodeResource,
  defaultOverload,
  mergeBootstraps,
  parseBootstrap,
} from './config/index.ts';
export { DataPlane, type DataPlaneOptions, type FindTlsClient } from './data-plane.ts';
export type { DrainStrategy } from './downstream/index.ts';
export { UserFilters } from './filters/index.ts';
export { createProcessInfo } from './process-info.ts';
export { createProxy, type Proxy, type ProxyOptions } from './proxy.ts';
export type { ClusterView, EndpointView, ListenerView, ProxyView } from './stats/index.ts';
export { type FromThread, type Port, startThread, type ThreadPort, type ToThread } from './threads/index.ts';
export { checkTlsMaterial } from './tls/index.ts';
export { warmUp } from './warm-up/index.ts';
