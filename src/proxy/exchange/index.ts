export { createLogEntry, type ExchangeContext, HttpDates } from './context.ts';
export { Exchange, type ExchangeState } from './exchange.ts';
