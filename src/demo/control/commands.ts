// What an operator may do to the running bank, from another terminal or from the console: one table of words and what
// they mean.

import type { BankCluster } from '../cluster/bank-cluster.ts';
import { policiesOff } from '../cluster/manifests.ts';
import type { Pod } from '../cluster/pod.ts';

/** What `slow` makes of a replica's work, and what `break` makes it answer. */
const slowWorkMs = 200;
const brokenStatus = 503;
const splitPercentDefault = 20;

export interface DemoSwitches {
  policy: 'on' | 'off';
  splitPercent: number;
}

/** The outcome as a sentence for the operator. */
export type CommandResult = { readonly ok: boolean; readonly message: string };

const replicaVerbs: Readonly<Record<string, (pod: Pod) => string>> = {
  kill(pod) {
    pod.kill('application');
    return 'killed; the supervisor starts it again';
  },
  pause(pod) {
    pod.application.signal('SIGSTOP');
    pod.fault = 'paused';
    return 'paused: it takes requests and answers none';
  },
  slow(pod) {
    pod.application.send(JSON.stringify({ workMs: slowWorkMs }));
    pod.fault = 'slow';
    return `slow: every request takes ${slowWorkMs} ms`;
  },
  break(pod) {
    pod.application.send(JSON.stringify({ status: brokenStatus }));
    pod.fault = 'broken';
    return `broken: it answers ${brokenStatus} to everything`;
  },
  heal(pod) {
    pod.application.signal('SIGCONT');
    pod.application.send('{}');
    pod.fault = '';
    return 'healed';
  },
};

export const replicaVerbNames = Object.keys(replicaVerbs);

/** Runs `kill ledger-1`, `kill ledger-1 all`, `split 30`, `policy off`, ... */
export function applyCommand(
  cluster: BankCluster,
  switches: DemoSwitches,
  words: readonly string[],
): CommandResult {
  const [verb = '', subject = '', detail = ''] = words;
  if (verb === 'split') return applySplit(cluster, switches, subject);
  if (verb === 'policy') return applyPolicy(cluster, switches, subject);
  const act = Object.hasOwn(replicaVerbs, verb) ? replicaVerbs[verb] : undefined;
  if (act === undefined) {
    return refuse(
      `unknown command '${verb}'; there are ${[...replicaVerbNames, 'split', 'policy'].join(', ')}`,
    );
  }
  const pod = cluster.slots.get(subject)?.pod;
  if (pod === undefined) {
    return refuse(`no replica '${subject}'; there are ${[...cluster.slots.keys()].join(', ')}`);
  }
  if (verb === 'kill' && detail === 'all') {
    pod.kill('all');
    return { ok: true, message: `${subject}: killed with its sidecar; the supervisor starts both again` };
  }
  return { ok: true, message: `${subject}: ${act(pod)}` };
}

/** Without a percentage: on at the default, or off where it is on. */
function applySplit(cluster: BankCluster, switches: DemoSwitches, subject: string): CommandResult {
  const toggled = switches.splitPercent === 0 ? splitPercentDefault : 0;
  const percent = subject === '' ? toggled : Number(subject);
  if (!Number.isInteger(percent) || percent < 0 || percent > 100) {
    return refuse(`a split is a percentage from 0 to 100, not '${subject}'`);
  }
  switches.splitPercent = percent;
  cluster.manifests.setSplit(percent);
  return { ok: true, message: `pricing: ${percent} % of calls go to version 2` };
}

function applyPolicy(cluster: BankCluster, switches: DemoSwitches, subject: string): CommandResult {
  if (subject !== 'on' && subject !== 'off') return refuse("policy is 'on' or 'off'");
  switches.policy = subject;
  cluster.manifests.setPolicies(subject === 'off' ? policiesOff : null);
  const meaning =
    subject === 'off'
      ? 'no retries, no ejection, round robin: failures reach the callers'
      : 'the manifests as they stand: failures are survived';
  return { ok: true, message: `policies ${subject}: ${meaning}` };
}

function refuse(message: string): CommandResult {
  return { ok: false, message };
}
