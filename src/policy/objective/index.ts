export { budgetsLeft, ErrorBudget } from './error-budget.ts';
export { type ObjectiveConfig, ObjectiveCounts } from './types.ts';
