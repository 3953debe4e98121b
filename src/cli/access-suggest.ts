// The AccessPolicies that observed calls need: who called is what proxies counted, which know callers by the Service
// that they stand behind; the account is what the pods behind that Service run as.

import { parseAllDocuments } from 'yaml';
import { parsePrometheus } from '../console/index.ts';
import { fieldOf, isRecord, type ManifestFile, textOf } from '../control/index.ts';

export interface Suggestion {
  readonly policies: readonly object[];
  /** What was seen and could not be turned into a rule. */
  readonly notes: readonly string[];
}

interface Call {
  /** `namespace/service`. */
  readonly service: string;
  /** `namespace/service`, '' for somebody whom no proxy named. */
  readonly peer: string;
  readonly count: number;
}

interface Workload {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, unknown>>;
  readonly account: string;
}

interface Selection {
  /** `namespace/service`. */
  readonly service: string;
  readonly selector: Readonly<Record<string, unknown>>;
}

export function suggestPolicies(
  metrics: readonly string[],
  files: readonly ManifestFile[],
  mode: 'Audit' | 'Enforce',
): Suggestion {
  const { workloads, selections } = readObjects(files);
  const notes: string[] = [];
  const callers = new Map<string, Set<string>>();
  for (const { service, peer, count } of addUp(metrics.flatMap(readCalls))) {
    const accounts = peer === '' ? [] : accountsOf(peer, workloads, selections);
    if (accounts.length === 0)
      notes.push(
        `${service}: ${count} calls of ${describePeer(peer)}: whoever that is, no rule lets it pass`,
      );
    const known = callers.get(service) ?? new Set();
    callers.set(service, known);
    for (const account of accounts) known.add(account);
  }
  const policies = [...callers]
    .filter(([, accounts]) => accounts.size > 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([service, accounts]) => createPolicy(service, [...accounts].sort(), mode));
  return { policies, notes: notes.sort() };
}

function describePeer(peer: string): string {
  return peer === '' ? 'callers that no proxy named' : `${peer}, of which the manifests have no pods`;
}

function readCalls(text: string): readonly Call[] {
  return parsePrometheus(text, 'weft_request_duration_seconds_count').flatMap(
    ({ labels: { direction, service = '', peer = '' }, value }): readonly Call[] =>
      direction === 'inbound' && service.includes('/') && value > 0 ? [{ service, peer, count: value }] : [],
  );
}

function addUp(calls: readonly Call[]): readonly Call[] {
  const sums = new Map<string, Call>();
  for (const call of calls) {
    const key = `${call.service} ${call.peer}`;
    sums.set(key, { ...call, count: call.count + (sums.get(key)?.count ?? 0) });
  }
  return [...sums.values()];
}

function accountsOf(
  peer: string,
  workloads: readonly Workload[],
  selections: readonly Selection[],
): readonly string[] {
  const [namespace] = peer.split('/');
  const selected = selections.filter(({ service }) => service === peer);
  const behind = workloads.filter(
    (one) =>
      one.namespace === namespace &&
      selected.some(({ selector }) =>
        Object.entries(selector).every(([label, value]) => one.labels[label] === value),
      ),
  );
  return behind.map(({ account }) => `${namespace}/${account}`);
}

function createPolicy(service: string, accounts: readonly string[], mode: string): object {
  const [namespace = '', name = ''] = service.split('/');
  const from = accounts.map((account) => {
    const [of = '', own = ''] = account.split('/');
    return { serviceAccount: of === namespace ? { name: own } : { name: own, namespace: of } };
  });
  return {
    apiVersion: 'weft.dev/v1alpha1',
    kind: 'AccessPolicy',
    metadata: { name, namespace },
    spec: { targetRefs: [{ group: '', kind: 'Service', name }], mode, rules: [{ from }] },
  };
}

/** Pods, and what a Deployment and its like make them from. */
function readObjects(files: readonly ManifestFile[]): {
  readonly workloads: readonly Workload[];
  readonly selections: readonly Selection[];
} {
  const workloads: Workload[] = [];
  const selections: Selection[] = [];
  for (const object of files.flatMap(({ text }) => parseAllDocuments(text)).flatMap(listItems)) {
    const namespace = textOf(object, 'metadata', 'namespace') || 'default';
    const selector = fieldOf(object, 'spec', 'selector');
    if (textOf(object, 'kind') === 'Service') {
      if (isRecord(selector) && Object.keys(selector).length > 0)
        selections.push({ service: `${namespace}/${textOf(object, 'metadata', 'name')}`, selector });
      continue;
    }
    const pod = textOf(object, 'kind') === 'Pod' ? object : fieldOf(object, 'spec', 'template');
    const labels = fieldOf(pod, 'metadata', 'labels');
    if (!isRecord(labels)) continue;
    const account = textOf(pod, 'spec', 'serviceAccountName') || 'default';
    workloads.push({ namespace, labels, account });
  }
  return { workloads, selections };
}

/** `kubectl get -o yaml` prints a list. */
function listItems(document: { toJS(): unknown }): readonly unknown[] {
  const object = document.toJS();
  const items = fieldOf(object, 'items');
  return Array.isArray(items) ? items : [object];
}
