export { releaseCodePages } from './code-pages.ts';
export { openConnecting } from './connect.ts';
export { isOpenForWriting } from './file-lease.ts';
export { type Libc, libc } from './libc.ts';
export { openListening } from './listen.ts';
export {
  readOriginalDestination,
  readPeerUser,
  readUnreadBytes,
  readUnsentBytes,
  setReceiveTimeout,
} from './options.ts';
export { descriptorsMax, receiveDescriptors, sendDescriptors } from './pass-descriptors.ts';
export { encodeSocketAddress } from './sockaddr.ts';
