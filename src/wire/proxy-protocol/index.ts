export { encodeProxyHeader, encodeProxyLine } from './encode.ts';
export { proxyProtocolLimits } from './limits.ts';
export { parseProxyHeader } from './parse.ts';
export { type ProxyTlsFacts, readProxyTlsFacts } from './tls-facts.ts';
export {
  type ProxyAddress,
  type ProxyHeader,
  type ProxyHeaderResult,
  type Tlv,
  tlvTypes,
} from './types.ts';
