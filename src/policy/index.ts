export {
  type BalanceConfig,
  type Balancer,
  createBalancer,
  EndpointLoad,
  type Hash64,
  type Outcome,
  type PickRequest,
  PriorityBalancer,
  type SelectedLevel,
  type Selection,
  selectCandidates,
} from './balance/index.ts';
export { Breaker, type LimitsConfig } from './breaker/index.ts';
export { type OutlierConfig, OutlierDetector } from './outlier/index.ts';
export {
  compilePeerRule,
  type PeerNameKind,
  type PeerNameMatch,
  type PeerRule,
  type PeerRuleConfig,
} from './peer/index.ts';
export {
  type AttemptFailure,
  judgeRetry,
  RetryBudget,
  type RetryBudgetConfig,
  type RetryCondition,
  type RetryDecision,
  RetryFacts,
  type RetryPolicy,
  RetryVerdict,
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
