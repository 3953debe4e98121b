export { EntryLogger } from './entry-logger.ts';
export { LogService } from './log-service.ts';
