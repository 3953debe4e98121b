export { createBunNetwork } from './bun-network.ts';
export {
  createMemoryNetwork,
  defaultConditions,
  type MemoryNetwork,
  type MemoryNetworkObserver,
  type MemoryNetworkOptions,
  type MemoryProcess,
} from './memory-network.ts';
export type { LinkConditions, SegmentKind } from './memory-pipe.ts';
export {
  type Address,
  formatAddress,
  ListenError,
  type Listener,
  type ListenOptions,
  type Network,
  type Socket,
  type SocketHandler,
  socketQueueHighBytes,
  socketQueueLowBytes,
} from './network.ts';
export type { Resolution, Resolver } from './resolver.ts';
export type { Store, StoreWatcher } from './store.ts';
export { createSystemClock } from './system-clock.ts';
export { createSystemRandom } from './system-random.ts';
