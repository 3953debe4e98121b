export { compileRegex, SafeRegex } from './safe-regex.ts';
