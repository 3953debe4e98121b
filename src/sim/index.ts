export { type BlackHoleOptions, type BlackHoleReport, playBlackHole } from './black-hole.ts';
export { type ChainOptions, type ChainReport, playChain } from './chain.ts';
export { type IncidentOptions, playIncident } from './incident.ts';
export { formatViolations, type IncidentReport } from './report.ts';
export { World } from './world.ts';
