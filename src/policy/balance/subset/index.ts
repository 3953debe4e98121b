export { type Criteria, compileCriteria, mergeCriteria } from './criteria.ts';
export { hasLabels } from './group-members.ts';
export { SubsetBalancer, type SubsetRequest } from './subset-balancer.ts';
export type { Labels, SubsetConfig, SubsetSelector } from './types.ts';
