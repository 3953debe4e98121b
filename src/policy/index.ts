export { type BalanceConfig, type Balancer, EndpointLoad, type Outcome } from './balance/types.ts';
export type { LimitsConfig } from './breaker/types.ts';
export type { OutlierConfig } from './outlier/types.ts';
export type { RetryBudgetConfig, RetryCondition, RetryPolicy } from './retry/types.ts';
export type {
  HeaderEdits,
  HeaderMatch,
  PathMatch,
  PathRewrite,
  RequestView,
  Route,
  RouteAction,
  RouteConfig,
  RouteMatch,
  RouteTimeouts,
  StringMatch,
  VirtualHost,
  WeightedCluster,
} from './route/types.ts';
