export { FileClient } from './file-client.ts';
export { findServers, serverFault } from './servers.ts';
export {
  type AdsSubscriptions,
  type ClientRequest,
  type CreateClient,
  type SourceSubscriber,
  Sources,
  type UpdateScope,
  wildcardTypes,
} from './sources.ts';
