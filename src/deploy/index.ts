export { applicationWanted, parseApplication } from './application-ports.ts';
export { type BootstrapFacts, type Endpoint, encodeBootstrap, encodeTokenSecret } from './bootstrap.ts';
export { callsWanted, parseCalls } from './calls.ts';
export { createChart } from './chart.ts';
export {
  agentSocket,
  answerPlugin,
  askAgent,
  CniAgent,
  type CniAgentOptions,
  CniInstaller,
  type CniInstallerOptions,
  cniBytesMax,
  mendPods,
  type PluginEnd,
  serveAgent,
} from './cni/index.ts';
export { createGatewayObjects, type GatewayObjectOptions } from './gateway.ts';
export type { InjectOptions } from './inject.ts';
export { createInstallation, type InstallOptions } from './install.ts';
export { type CniFolders, cniFolders, cniName } from './install-cni.ts';
export { hasNativeSidecars, type KubernetesVersion, parseKubernetesVersion } from './kubernetes-version.ts';
export { installReplicasMax, meshPorts, proxyUser } from './limits.ts';
export { injectManifests } from './manifests.ts';
export {
  type CheckedLine,
  ClusterReader,
  installedChecks,
  preChecks,
  runChecks,
  type Verdict,
} from './operate/check/index.ts';
export { type ControlReplica, type FleetProxy, viewFleet } from './operate/fleet-view.ts';
export { listMeshPods, type MeshPod, type MeshRole, readMeshPod } from './operate/mesh-pods.ts';
export { nameOfObject, pathOfObject } from './operate/object-paths.ts';
export {
  listForeign,
  listManaged,
  listRevisions,
  listServed,
  planUninstall,
  type UninstallStep,
} from './operate/uninstall-plan.ts';
export { hasOthersSockets, isOthersProcess } from './others.ts';
export {
  type CapturedPorts,
  cleanIptables,
  cleanNft,
  encodeIptables,
  encodeNft,
  type IptablesCommand,
  parseCapturedPorts,
  parseInterfaces,
  parseRanges,
  type RedirectOptions,
} from './redirect.ts';
export {
  isRevision,
  namesOf,
  revisionCharsMax,
  webhookConfigurationName,
  xdsAddress,
  xdsNames,
} from './revision.ts';
export { findRulesTool, type RulesTool, readGateways, setRules } from './set-rules.ts';
export { isRedirected } from './verify-rules.ts';
export { certificateReadMs, WebhookServer, type WebhookServerOptions } from './webhook-server.ts';
