export { portableRegexFault } from './re2-size.ts';
export { compileRegex, SafeRegex } from './safe-regex.ts';
