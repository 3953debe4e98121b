export type { San, SanKind } from './names.ts';
export { type Certificate, parseCertificate } from './parse.ts';
