export { writeMetrics } from './write-metrics.ts';
