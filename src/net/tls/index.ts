export { createBunTlsContext } from './bun-context.ts';
export type { SecuredSocket } from './bun-facts.ts';
export { describeFailure, Handshake, type Role } from './handshake.ts';
export { enterGate, type GateMember } from './handshake-gate.ts';
export { createMemoryTlsContext } from './memory-context.ts';
export { MemoryTls, MemoryTlsWorld } from './memory-tls.ts';
export type {
  PeerCertificate,
  PeerJudge,
  SecureFacts,
  TlsClient,
  TlsContext,
  TlsContextOptions,
  TlsRefusal,
  TlsServer,
  TlsSessions,
  TlsVersion,
} from './types.ts';
