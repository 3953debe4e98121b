export { checkTlsMaterial } from './check-material.ts';
export { describeCertificates, expirySeconds, unnamedCertificate } from './describe-certificates.ts';
export {
  type CertificateTexts,
  type TlsClientSlot,
  TlsRuntime,
  type TlsServerSlot,
} from './tls-runtime.ts';
export { reading, waiting } from './tls-slot.ts';
