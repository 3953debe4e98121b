export { latencyAwareType, policyDefaults, weftMetadataKey } from './contract.ts';
export {
  durationPattern,
  formatGatewayDuration,
  parseGatewayDuration,
  sumDuration,
} from './duration.ts';
