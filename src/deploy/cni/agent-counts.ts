// What the agent of a node did, as Prometheus reads it.

import type { AgentQuestion, CniError } from './types.ts';

const questions = 'weft_cni_questions_total';

export class AgentCounts {
  /** Pods that were made past the plugin. */
  mended = 0;
  /** Commands and codes are few: the specification's and ours. */
  private readonly asked = new Map<string, number>();

  add(command: AgentQuestion['command'], fault: CniError | null): void {
    const labels = `command="${command}",code="${fault?.code ?? 0}"`;
    this.asked.set(labels, (this.asked.get(labels) ?? 0) + 1);
  }

  /** `installed`: the plugin is in the network of the node. */
  encode(installed: boolean): string {
    return [
      `# HELP ${questions} Questions of the plugin, by the code of the answer; 0: done.`,
      `# TYPE ${questions} counter`,
      ...[...this.asked].map(([labels, count]) => `${questions}{${labels}} ${count}`),
      '# HELP weft_cni_mended_total Pods that were made past the plugin and got their rules after.',
      '# TYPE weft_cni_mended_total counter',
      `weft_cni_mended_total ${this.mended}`,
      '# HELP weft_cni_installed Whether the plugin is in the network of the node.',
      '# TYPE weft_cni_installed gauge',
      `weft_cni_installed ${installed ? 1 : 0}`,
      '',
    ].join('\n');
  }
}
