export {
  authorityExtensions,
  encodeBody,
  encodeName,
  encodePem,
  encodeSigned,
  keyExtensions,
  nameExtension,
  serverExtensions,
} from './encode.ts';
export type { San, SanKind } from './names.ts';
export { type Certificate, parseCertificate } from './parse.ts';
