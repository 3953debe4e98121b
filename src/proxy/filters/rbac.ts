// envoy.filters.http.rbac: who may ask what; beside the rules in force others may be tried without effect.

import { AccessRules, type AccessVerdict } from '../../policy/index.ts';
import type { ListenerFilterConfig, RbacConfig } from '../config/filter-types.ts';
import type { Authorizer, Denial, RequestState } from '../exchange/index.ts';
import type { FilterSample } from '../stats/index.ts';
import { AccessCounts } from './access-counts.ts';
import { RequestFacts } from './access-facts.ts';
import { configFor, denial, type HttpFilter, say } from './filter.ts';

interface Compiled {
  readonly rules: AccessRules | null;
  readonly shadow: AccessRules | null;
}

const body = 'RBAC: access denied';

export class RbacFilter implements HttpFilter, Authorizer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = null;
  private readonly filter: ListenerFilterConfig;
  private readonly compiled = new WeakMap<RbacConfig, Compiled>();
  private readonly counts: AccessCounts;

  constructor(filter: ListenerFilterConfig) {
    this.name = filter.name;
    this.filter = filter;
    const { rules, shadow, statPrefix, shadowStatPrefix } = filter.config as RbacConfig;
    this.counts = new AccessCounts('http_rbac_', 'envoy_rbac_http_prefix');
    if (rules !== null) this.counts.begin('', statPrefix);
    if (shadow !== null) this.counts.begin('shadow_', shadowStatPrefix);
  }

  samples(): Iterable<FilterSample> {
    return this.counts.samples();
  }

  authorize(request: RequestState): 'allow' | Denial {
    const config = configFor(request, this.filter, 'rbac');
    if (config === null) return 'allow';
    const { rules, shadow } = this.compile(config);
    if (rules === null && shadow === null) return 'allow';
    const facts = new RequestFacts(request);
    const notes: Record<string, unknown> = {};
    if (shadow !== null) {
      const verdict = shadow.judge(facts);
      this.counts.count('shadow_', config.shadowStatPrefix, verdict, config.countsPolicies);
      notes[`${config.shadowStatPrefix}shadow_engine_result`] = outcomeOf(verdict);
      if (verdict.policy !== null)
        notes[`${config.shadowStatPrefix}shadow_effective_policy_id`] = verdict.policy;
    }
    const verdict = rules === null ? null : rules.judge(facts);
    if (verdict !== null) {
      this.counts.count('', config.statPrefix, verdict, config.countsPolicies);
      notes[`${config.statPrefix}enforced_engine_result`] = outcomeOf(verdict);
      if (verdict.policy !== null) notes[`${config.statPrefix}enforced_effective_policy_id`] = verdict.policy;
    }
    say(request, 'envoy.filters.http.rbac', notes);
    if (rules?.logs === true)
      say(request, 'envoy.common', { access_log_hint: verdict !== null && verdict.policy !== null });
    if (verdict === null || verdict.allowed) return 'allow';
    return denial(403, body, `rbac_access_denied_matched_policy[${detail(verdict.policy)}]`);
  }

  private compile(config: RbacConfig): Compiled {
    let compiled = this.compiled.get(config);
    if (compiled === undefined) {
      compiled = {
        rules: config.rules === null ? null : new AccessRules(config.rules),
        shadow: config.shadow === null ? null : new AccessRules(config.shadow),
      };
      this.compiled.set(config, compiled);
    }
    return compiled;
  }
}

function outcomeOf({ allowed }: AccessVerdict): 'allowed' | 'denied' {
  return allowed ? 'allowed' : 'denied';
}

/** Without what would break a log line into words. */
function detail(policy: string | null): string {
  return (policy ?? 'none').replaceAll(/\s/g, '_');
}
