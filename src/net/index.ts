export {
  type InheritedDescriptors,
  listOpenListeners,
  type OpenListener,
  shareDescriptors,
} from './bun-listener.ts';
export { createBunNetwork, createPrivateNetwork } from './bun-network.ts';
export { createFileStore, type FileStoreOptions } from './file-store.ts';
export { gunzip } from './gunzip.ts';
export { announceReady, closeInherited, offerListeners, takeListeners } from './hand-over.ts';
export { createClientOptions, Http2ClientSocket } from './http2-client-socket.ts';
export {
  createMemoryNetwork,
  type MemoryNetwork,
  type MemoryNetworkObserver,
  type MemoryNetworkOptions,
  type MemoryProcess,
} from './memory-network.ts';
export type { LinkConditions, SegmentKind } from './memory-pipe.ts';
export { createMemoryResolver, type MemoryResolver } from './memory-resolver.ts';
export { createMemoryStore, type MemoryStore } from './memory-store.ts';
export { releaseCodePages } from './native/index.ts';
export {
  type Address,
  type ConnectOptions,
  formatAddress,
  isLoopback,
  type KeepAlive,
  ListenError,
  type Listener,
  type ListenOptions,
  type ListenSocketOptions,
  type Network,
  type Socket,
  type SocketHandler,
  type SocketOption,
  socketQueueHighBytes,
  type TurnWriter,
} from './network.ts';
export { readOpenFilesMax } from './open-files.ts';
export { parseText } from './parse-text.ts';
export type { NameServers, Resolution, Resolver } from './resolver.ts';
export type { Store, StoreWatcher } from './store.ts';
export { createSystemClock } from './system-clock.ts';
export { createSystemRandom } from './system-random.ts';
export { createSystemReadings, type MemoryReading, type SystemReadings } from './system-readings.ts';
export { createSystemResolver } from './system-resolver.ts';
export {
  createBunTlsContext,
  type PeerCertificate,
  type PeerJudge,
  type SecureFacts,
  type SystemRoots,
  systemRoots,
  type TlsClient,
  type TlsContext,
  type TlsContextOptions,
  type TlsRefusal,
  type TlsServer,
  type TlsSessions,
  type TlsVersion,
} from './tls/index.ts';
