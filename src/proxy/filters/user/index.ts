export { UserFilter } from './user-filter.ts';
export { UserFilters } from './user-filters.ts';
