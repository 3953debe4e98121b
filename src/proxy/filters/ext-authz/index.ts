export { ExtAuthzFilter } from './ext-authz.ts';
