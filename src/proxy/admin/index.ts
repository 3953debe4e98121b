export type { AdminActions, AdminContext, ProcessInfo, StallView } from './context.ts';
export { CounterBaseline } from './counter-baseline.ts';
export { adminPages, readinessPages } from './routes.ts';
export { AdminServer } from './server.ts';
