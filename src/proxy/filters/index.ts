export { AccessCounts } from './access-counts.ts';
export { ConnectionFacts, type Ends } from './access-facts.ts';
export { type FilterChain, noFilters, updateFilters, updateUpgrades } from './chain.ts';
export type { HttpFilter } from './filter.ts';
export { UserFilters } from './user/index.ts';
