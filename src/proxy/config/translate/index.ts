export { type TranslatedCluster, translateCluster } from './cluster.ts';
export { translateConfigSource, translateStream } from './config-source.ts';
export { formatLocality, noEndpoints, translateAddress, translateEndpoints } from './endpoints.ts';
export { type TranslatedListener, translateListener } from './listener.ts';
export { translateOverload } from './overload.ts';
export { translateRouteConfig } from './route-config.ts';
export {
  connectionsOfAllKey,
  connectionsOfListenerKey,
  type RuntimeKeys,
  readLimit,
  readRuntime,
} from './runtime.ts';
export { translateSecret } from './tls.ts';
