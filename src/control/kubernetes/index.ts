export { type Cluster, createCluster } from './cluster.ts';
export type { Environment } from './credentials.ts';
export { createFetchApi } from './fetch-api.ts';
export { type ClusterAccess, inClusterAccess, parseKubeconfig } from './kubeconfig.ts';
export { KubernetesSource, type KubernetesSourceOptions } from './kubernetes-source.ts';
export { type ListOutcome, listAll } from './list-all.ts';
export { fieldOf, isRecord, type KubeApi, type KubeObject, textOf } from './types.ts';
export { listWatchedKinds } from './watched-kinds.ts';
