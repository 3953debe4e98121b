export { type Bootstrap, type BootstrapOptions, parseBootstrap } from './bootstrap.ts';
export { checkTlsOf, matchTransport, tlsConfigsOfCluster } from './cluster-transports.ts';
export {
  type ConfigOrigin,
  ConfigSource,
  type ConfigSourceOptions,
} from './config-source.ts';
export { decodeResource, describeResource } from './decode-resource.ts';
export { Demand, type DemandOutcome, type DemandWait, type DemandWaiter, type Wanted } from './demand.ts';
export { hostNameIn, isClusterName, tableOf } from './demanded-names.ts';
export { createDemands, type Demands } from './demands.ts';
export type { LastGood } from './last-good.ts';
export { demandLimits } from './limits.ts';
export { mergeBootstraps } from './merge-bootstraps.ts';
export { defaultOverload, type OverloadConfig } from './overload-types.ts';
export type { AcceptedResource, RefusedResource, ResourceTable } from './resource-table.ts';
export { parseSecretFile } from './secret-file.ts';
export type { AdsConfig } from './server-types.ts';
export { adsSource } from './source-types.ts';
export { type ClientRequest, FileClient, findServers, type SourceSubscriber } from './sources/index.ts';
export type * from './types.ts';
