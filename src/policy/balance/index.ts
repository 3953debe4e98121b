export { BalanceCounts } from './balance-counts.ts';
export { createBalancer } from './create-balancer.ts';
export { type LoadReport, type LoadWeightsConfig, plainMetrics, visitMetrics } from './load-report.ts';
export { isWeighing, noteReport, weighByLoad } from './load-weights.ts';
export {
  describeLocalCluster,
  type LocalCluster,
  type LocalityConfig,
  localityDefault,
} from './locality.ts';
export type { SparedPriorities } from './previous-priorities.ts';
export { PriorityBalancer } from './priority-balancer.ts';
export {
  type SelectedLevel,
  type Selection,
  type SelectionRules,
  selectCandidates,
  selectionDefaults,
} from './select-candidates.ts';
export {
  type Criteria,
  compileCriteria,
  hasLabels,
  type Labels,
  mergeCriteria,
  SubsetBalancer,
  type SubsetConfig,
  type SubsetRequest,
  type SubsetSelector,
} from './subset/index.ts';
export {
  type BalanceConfig,
  type Balancer,
  EndpointLoad,
  type Hash64,
  type HashingConfig,
  type Outcome,
  type PickRequest,
  type SlowStartConfig,
} from './types.ts';
export { isUsable } from './usable.ts';
export { xxHash64 } from './xx-hash-64.ts';
