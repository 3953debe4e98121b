export {
  type AccessCaller,
  type AccessOutlook,
  type AccessPort,
  compileAccessOutlook,
} from './access-outlook.ts';
export {
  type AdminPages,
  type AdminServer,
  type AdminServerOptions,
  serveAdmin,
} from './admin/admin-server.ts';
export {
  createMeshView,
  type GatewayView,
  type LoadView,
  type MeshView,
  type PortView,
  type ProxiesView,
  type ProxyView,
  type RouteView,
  type ServiceView,
  type TypeView,
} from './admin/mesh-view.ts';
export type { ProxyResourcesView, ResourceView } from './admin/proxy-resources.ts';
export { metricsAnnotation } from './admin/scrape-targets.ts';
export { AuthorityKeeper } from './authority/authority-keeper.ts';
export { followIdentityFiles } from './authority/identity-files.ts';
export { listRootOwners, type RootOwner, renderRoots } from './authority/root-config-maps.ts';
export { authorityName } from './authority/secret.ts';
export { ServerIdentity } from './authority/server-identity.ts';
export { isKeptWebhook, keptCertificate, WebhookKeeper } from './authority/webhook-keeper.ts';
export { agentAccount } from './callers/introduce.ts';
export { CallerProver } from './callers/prover.ts';
export { TokenReviews } from './callers/token-reviews.ts';
export { type CheckReport, checkManifests, compileOutlooks, type ManifestFile } from './check.ts';
export { ControlPlane, type ControlPlaneOptions, createControlPlane } from './control-plane.ts';
export { CalicoFences, renderCalicoFence } from './fleet/calico-fences.ts';
export { type FleetGateway, isReleasedGateway, listFleetGateways } from './fleet/list-gateways.ts';
export { adoptFences, type FleetFence, listFences, renderFence } from './fleet/network-fences.ts';
export { NodeAddresses, nodeAddressClass } from './fleet/node-addresses.ts';
export { ObjectFleet } from './fleet/object-fleet.ts';
export { type FleetObject, managedLabel, managedValue } from './fleet/object-writer.ts';
export { revisionLabel, revisionNamedBy, revisionOfGateway } from './fleet/revisions.ts';
export {
  type Cluster,
  type ClusterAccess,
  createCluster,
  createFetchApi,
  fieldOf,
  inClusterAccess,
  isRecord,
  type KubeApi,
  type KubeObject,
  KubernetesSource,
  type ListOutcome,
  listAll,
  listWatchedKinds,
  parseKubeconfig,
  textOf,
} from './kubernetes/index.ts';
export { accountLabel } from './model/access.ts';
export type { ResourceShare, SidecarWish } from './model/sidecars.ts';
export type { Condition } from './model/status.ts';
export { customResourceDefinitions } from './schema/custom-resources.ts';
export {
  gatewayClassLabel,
  gatewayNameLabel,
  labelCharsMax,
  labelValueOf,
  shortHashOf,
} from './schema/gateway-labels.ts';
export { listPolicyFields, type PolicyField } from './schema/policy-fields.ts';
export { isMore, judgeQuantity, type QuantityKind } from './schema/quantity.ts';
export { listWishKinds, SidecarWishes } from './sidecar-wishes.ts';
export { lineOfField } from './source/locate.ts';
export type { Source, SourceListener } from './source/types.ts';
export type { Finding, ObjectStatus } from './status/report.ts';
export { StatusPublisher } from './status-writer/publisher.ts';
export { statusKinds } from './status-writer/wanted-status.ts';
