export { NetworkChain } from './network-chain.ts';
export type { Said } from './network-rbac.ts';
export { rejected } from './rejected.ts';
