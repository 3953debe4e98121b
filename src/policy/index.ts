export {
  type BalanceConfig,
  type Balancer,
  createBalancer,
  EndpointLoad,
  type Outcome,
  PriorityBalancer,
  type SelectedLevel,
  type Selection,
  selectCandidates,
} from './balance/index.ts';
export { Breaker, type LimitsConfig } from './breaker/index.ts';
export { type OutlierConfig, OutlierDetector } from './outlier/index.ts';
export {
  type AttemptFailure,
  backoffMs,
  decideRetry,
  RetryBudget,
  type RetryBudgetConfig,
  type RetryCondition,
  type RetryDecision,
  RetryFacts,
  type RetryPolicy,
  retryConditions,
} from './retry/index.ts';
export {
  compileRegex,
  compileRoutes,
  type HeaderEdits,
  type HeaderMatch,
  type PathMatch,
  type PathRewrite,
  type RequestView,
  type Route,
  type RouteAction,
  type RouteConfig,
  type RouteHit,
  type RouteMatch,
  type RouteTable,
  type RouteTimeouts,
  type StringMatch,
  type VirtualHost,
  type WeightedCluster,
} from './route/index.ts';
