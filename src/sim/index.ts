export { formatViolations, type IncidentOptions, type IncidentReport, playIncident } from './incident.ts';
export { World } from './world.ts';
