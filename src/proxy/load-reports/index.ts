export { LoadReporter } from './load-reporter.ts';
