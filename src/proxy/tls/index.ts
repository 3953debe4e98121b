export { type CertificateTexts, type TlsClientSlot, TlsRuntime, type TlsServerSlot } from './tls-runtime.ts';
