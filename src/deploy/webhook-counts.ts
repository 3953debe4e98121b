// What the webhook did, as Prometheus reads it: pods by what became of them, and why.

/** `code`: a word for why; of an injected pod it is empty. */
export interface WebhookOutcome {
  readonly kind: 'injected' | 'left' | 'fault' | 'refused';
  readonly code: string;
}

const name = 'weft_inject_pods_total';

export class WebhookCounts {
  /** Certificates taken up while it ran. */
  renewed = 0;
  /** Codes are words of ours: there are few of them. */
  private readonly pods = new Map<string, number>();

  add({ kind, code }: WebhookOutcome): void {
    const labels = `outcome="${kind}",reason="${code}"`;
    this.pods.set(labels, (this.pods.get(labels) ?? 0) + 1);
  }

  /** `known`: what ServicePolicies say of sidecars has been read. */
  encode(known: boolean): string {
    const rows = [...this.pods].map(([labels, count]) => `${name}{${labels}} ${count}`);
    return [
      `# HELP ${name} Pods that the API server asked about, by what became of them.`,
      `# TYPE ${name} counter`,
      ...rows,
      '# HELP weft_inject_certificates_renewed_total Certificates taken up while the webhook ran.',
      '# TYPE weft_inject_certificates_renewed_total counter',
      `weft_inject_certificates_renewed_total ${this.renewed}`,
      '# HELP weft_inject_policies_known 1: what ServicePolicies say of sidecars has been read; 0: it is not heeded.',
      '# TYPE weft_inject_policies_known gauge',
      `weft_inject_policies_known ${known ? 1 : 0}`,
      '',
    ].join('\n');
  }
}
