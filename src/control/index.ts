export { type CheckReport, checkManifests, type ManifestFile } from './check.ts';
export type { Finding } from './status/report.ts';
