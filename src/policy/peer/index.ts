export { compilePeerRule, type PeerRule } from './peer-rule.ts';
export type {
  PeerFacts,
  PeerName,
  PeerNameKind,
  PeerNameMatch,
  PeerRefusal,
  PeerRuleConfig,
} from './types.ts';
