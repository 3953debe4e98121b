export { AccessMetadata, AccessRules } from './access-rules.ts';
export type {
  AccessFacts,
  AccessPolicyConfig,
  AccessRulesConfig,
  AccessVerdict,
  Condition,
  MetadataMatch,
  SourceKind,
  ValueMatch,
} from './types.ts';
