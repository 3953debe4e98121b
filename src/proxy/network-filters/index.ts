export { NetworkChain } from './network-chain.ts';
export { rejected } from './rejected.ts';
