export { ClusterStats, type RetryReason } from './cluster-stats.ts';
export { type ResponseFlag, responseFlags } from './flags.ts';
export { HealthStats } from './health-stats.ts';
export { ListenerStats } from './listener-stats.ts';
export { type Phase, phases } from './phases.ts';
export { ReportCounts } from './report-counts.ts';
export { SslStats } from './ssl-stats.ts';
export { StatusCounts } from './status-counts.ts';
export { Tallies, type Tally } from './tallies.ts';
export { TrafficStats } from './traffic-stats.ts';
export type {
  CertificateView,
  ClusterView,
  EndpointView,
  FilterSample,
  LaneView,
  ListenerView,
  LoadMetricsView,
  ProxyView,
} from './views.ts';
