export { NetworkChain } from './network-chain.ts';
