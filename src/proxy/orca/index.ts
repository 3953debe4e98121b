export { createReports, type EndpointReports, type ReportsOwner } from './endpoint-reports.ts';
export type { LoadMetrics } from './load-metrics.ts';
