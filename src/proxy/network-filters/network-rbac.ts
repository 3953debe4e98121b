// The network filter `rbac`: who may connect, judged once, with what it found for those who log it.

import { AccessRules, type AccessVerdict } from '../../policy/index.ts';
import type { NetworkFilterConfig } from '../config/filter-types.ts';
import { AccessCounts, ConnectionFacts, type Ends } from '../filters/index.ts';
import type { FilterSample } from '../stats/index.ts';

/** What a filter has to say of a connection that it judged. */
export interface Said {
  /** Whose metadata it is. */
  readonly namespace: string;
  readonly notes: Readonly<Record<string, unknown>>;
  /** Why it was refused, in Envoy's words; '': it was not. */
  readonly details: string;
}

export class NetworkRbac {
  private readonly prefix: string;
  private readonly rules: AccessRules | null;
  private readonly shadow: AccessRules | null;
  private readonly counts: AccessCounts;
  /** Of the connection that was judged last. */
  said: Said | null = null;

  constructor(config: Extract<NetworkFilterConfig, { kind: 'rbac' }>) {
    this.rules = config.rules === null ? null : new AccessRules(config.rules);
    this.shadow = config.shadow === null ? null : new AccessRules(config.shadow);
    this.counts = new AccessCounts('rbac_', 'envoy_rbac_prefix');
    // Envoy's prefixes end with a dot, which its labels leave out.
    this.prefix = config.statPrefix.replace(/\.$/, '');
    if (this.rules !== null) this.counts.begin('', this.prefix);
    if (this.shadow !== null) this.counts.begin('shadow_', this.prefix);
  }

  admit(ends: Ends): boolean {
    const facts = new ConnectionFacts(ends);
    const shadow = this.judge(this.shadow, 'shadow_', facts);
    const enforced = this.judge(this.rules, '', facts);
    const allowed = enforced?.allowed ?? true;
    this.said = {
      namespace: 'envoy.filters.network.rbac',
      // Envoy says the first alone.
      notes: { ...notesOf('shadow_', shadow), ...notesOf('enforced_', enforced) },
      details: allowed ? '' : `rbac_access_denied_matched_policy[${enforced?.policy ?? 'none'}]`,
    };
    return allowed;
  }

  release(): void {}

  samples(): Iterable<FilterSample> {
    return this.counts.samples();
  }

  private judge(
    rules: AccessRules | null,
    kind: '' | 'shadow_',
    facts: ConnectionFacts,
  ): AccessVerdict | null {
    if (rules === null) return null;
    const verdict = rules.judge(facts);
    this.counts.count(kind, this.prefix, verdict, false);
    return verdict;
  }
}

function notesOf(kind: 'shadow_' | 'enforced_', verdict: AccessVerdict | null): Record<string, unknown> {
  if (verdict === null) return {};
  const { allowed, policy } = verdict;
  return {
    [`${kind}engine_result`]: allowed ? 'allowed' : 'denied',
    ...(policy === null ? {} : { [`${kind}effective_policy_id`]: policy }),
  };
}
