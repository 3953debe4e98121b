// What rules of access decided, by Envoy's names: `allowed` and `denied`, `shadow_` before rules that are only tried;
// a prefix and a policy's name are labels.

import type { AccessVerdict } from '../../policy/index.ts';
import type { FilterSample } from '../stats/index.ts';

interface Count {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  value: number;
}

/** Of bounded variety: prefixes and policies are named by configurations. */
export class AccessCounts {
  private readonly scope: string;
  private readonly prefixLabel: string;
  private readonly counts = new Map<string, Count>();

  /** `scope`: what the names begin with. */
  constructor(scope: string, prefixLabel: string) {
    this.scope = scope;
    this.prefixLabel = prefixLabel;
  }

  samples(): Iterable<FilterSample> {
    return this.counts.values();
  }

  /** Both outcomes show from the start. */
  begin(kind: '' | 'shadow_', prefix: string): void {
    this.find(kind, 'allowed', prefix, null);
    this.find(kind, 'denied', prefix, null);
  }

  count(kind: '' | 'shadow_', prefix: string, { allowed, policy }: AccessVerdict, byPolicy: boolean): void {
    const outcome = allowed ? 'allowed' : 'denied';
    this.find(kind, outcome, prefix, null).value += 1;
    if (byPolicy && policy !== null) this.find(kind, outcome, prefix, policy).value += 1;
  }

  private find(kind: string, outcome: string, prefix: string, policy: string | null): Count {
    const key = JSON.stringify([kind, outcome, prefix, policy]);
    let count = this.counts.get(key);
    if (count === undefined) {
      count = {
        name: `${this.scope}${policy === null ? '' : 'policy_'}${kind}${outcome}`,
        labels: {
          ...(prefix === '' ? {} : { [this.prefixLabel]: prefix }),
          ...(policy === null ? {} : { envoy_rbac_policy_name: policy }),
        },
        value: 0,
      };
      this.counts.set(key, count);
    }
    return count;
  }
}
