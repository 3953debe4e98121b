export type { Environment } from './credentials.ts';
export { createFetchApi, type FetchApiOptions } from './fetch-api.ts';
export { type ClusterAccess, inClusterAccess, parseKubeconfig } from './kubeconfig.ts';
export { KubernetesSource, type KubernetesSourceOptions } from './kubernetes-source.ts';
export type { KubeApi } from './types.ts';
export { listWatchedKinds } from './watched-kinds.ts';
