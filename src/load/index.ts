export { createFixedRequests, type FixedRequest } from './fixed-requests.ts';
export { formatReport } from './format-report.ts';
export { loadLimits } from './limits.ts';
export { createClockPacer, createPrecisePacer } from './pacer.ts';
export { parseMessages } from './parse-messages.ts';
export { parseTime, timeRule } from './parse-time.ts';
export { type LoadRun, startLoad } from './run-load.ts';
export { parseScenario, type RequestSpec, type Scenario, type ScenarioRequest } from './scenario.ts';
export { createTargetTls, type TargetTlsOptions } from './target-tls.ts';
export type {
  Arrivals,
  LatencySummary,
  LoadCall,
  LoadInterval,
  LoadObserver,
  LoadOptions,
  LoadReport,
  LoadRequest,
  LoadResult,
  Pacer,
  RequestMaker,
  Waiter,
} from './types.ts';
