export { createBunTlsContext } from './bun-context.ts';
export type { SecuredSocket } from './bun-facts.ts';
export { describeFailure, Handshake, type Role } from './handshake.ts';
export { enterGate, type GateMember } from './handshake-gate.ts';
export { createMemoryTlsContext } from './memory-context.ts';
export { MemoryTls, MemoryTlsWorld } from './memory-tls.ts';
export {
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
} from './types.ts';
