export type {
  CallerFault,
  CallerProof,
  CallerRefusal,
  ShownCredentials,
  XdsCaller,
} from './caller.ts';
export { AdsClient, type AdsClientOptions } from './client/ads-client.ts';
export type { AdsClientState, AdsClientStatus, AdsSubscriptionStatus } from './client/types.ts';
export { describeResource } from './describe-resource.ts';
export { encodeNode } from './discovery/node.ts';
export { parseSotwResponse } from './discovery/parse.ts';
export { encodeStruct, parseStruct } from './protobuf/struct.ts';
export { WireError, WireReader, wireType } from './protobuf/wire-reader.ts';
export { WireWriter } from './protobuf/wire-writer.ts';
export { AdsServer, type AdsServerOptions } from './server/ads-server.ts';
export type { InspectedResource, InspectedType, ResourceState } from './server/inspect.ts';
export { type ClientLoad, LoadReports, type LoadReportsOptions } from './server/load-reports.ts';
export type {
  AdsNack,
  AdsObserver,
  AdsRefusal,
  AdsStreamStatus,
  AdsSyncStatus,
  AdsTypeStatus,
} from './server/types.ts';
export { hashContent } from './snapshot/content-hash.ts';
export { createSnapshot } from './snapshot/create-snapshot.ts';
export { diffResources, versionOf } from './snapshot/diff.ts';
export { NamedResources } from './snapshot/named-resources.ts';
export { PartlyNamed } from './snapshot/partly-named.ts';
export { findReferences, type References } from './snapshot/references.ts';
export { type ResourceMap, ResourceSet } from './snapshot/resource-set.ts';
export { splitRoutes } from './snapshot/route-parts.ts';
export { validateSnapshot } from './snapshot/validate-snapshot.ts';
export { createGrpcAdsTransport, type GrpcAdsOptions } from './transport/grpc-client.ts';
export { encodeFrame, FrameParser } from './transport/grpc-framing.ts';
export { type GrpcAdsListener, type ServeGrpcAdsOptions, serveGrpcAds } from './transport/grpc-server.ts';
export { loadReportingPath } from './transport/load-reporting.ts';
export {
  createMemoryAdsTransport,
  type MemoryAdsOptions,
  type MemoryAdsTransport,
} from './transport/memory.ts';
export {
  type AdsStream,
  type AdsStreamHandler,
  type AdsTransport,
  type AdsVariant,
  type SnapshotSource,
  type SnapshotWatcher,
  typeUrls,
  virtualHostType,
  type XdsNode,
  type XdsResource,
  type XdsSnapshot,
  type XdsSubscriber,
  type XdsUpdate,
} from './types.ts';
export {
  durationPattern,
  formatGatewayDuration,
  latencyAwareType,
  parseGatewayDuration,
  policyDefaults,
  sumDuration,
  weftMetadataKey,
} from './weft/index.ts';
