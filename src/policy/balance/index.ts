export { createBalancer } from './create-balancer.ts';
export { PriorityBalancer } from './priority-balancer.ts';
export { isUsable, type SelectedLevel, type Selection, selectCandidates } from './select-candidates.ts';
export {
  type BalanceConfig,
  type Balancer,
  EndpointLoad,
  type Hash64,
  type Outcome,
  type PickRequest,
} from './types.ts';
export { xxHash64 } from './xx-hash-64.ts';
