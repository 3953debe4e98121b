export { JwtAuthnFilter } from './jwt-authn.ts';
