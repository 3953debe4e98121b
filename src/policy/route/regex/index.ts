export { portableRegexFault, re2Size } from './re2-size.ts';
export { compileRewrite } from './regex-rewrite.ts';
export { compileRegex, SafeRegex } from './safe-regex.ts';
