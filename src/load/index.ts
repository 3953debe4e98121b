export { createFixedRequests, type FixedRequest } from './fixed-requests.ts';
export { formatReport } from './format-report.ts';
export { loadLimits } from './limits.ts';
export { createClockPacer, createPrecisePacer } from './pacer.ts';
export { type LoadRun, startLoad } from './run-load.ts';
export { parseScenario, type RequestSpec, type ScenarioRequest } from './scenario.ts';
export type {
  Arrivals,
  LatencySummary,
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
