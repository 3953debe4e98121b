// What `weft check --pre` and `weft check --installed` are made of: questions to a cluster, each answered by lines of a
// verdict and a sentence. What cannot be read is unknown, and never counts as well.

import { fail, MeshError, ok, type Result } from '../../../base/index.ts';
import { type KubeApi, type KubeObject, type ListOutcome, listAll, textOf } from '../../../control/index.ts';
import type { ControlReplica } from '../fleet-view.ts';

/** warning: it works, and is not as it should be; unknown: what was asked could not be learnt. */
export type Verdict = 'ok' | 'warning' | 'fault' | 'unknown';

export interface CheckLine {
  readonly verdict: Verdict;
  /** A sentence. */
  readonly message: string;
}

export interface CheckTarget {
  /** Where the mesh is, or is to be. */
  readonly namespace: string;
  /** Which of several; '': the one without. */
  readonly revision: string;
  /** It is to be installed with an agent on every node. */
  readonly agents: boolean;
  /** With the CNI plugin. */
  readonly cni: boolean;
  /** Of this program. */
  readonly version: string;
  /** Unix time in milliseconds. */
  readonly nowMs: number;
}

export interface ClusterCheck {
  /** As `webhook`: what it looks at. */
  readonly name: string;
  run(reader: ClusterReader, target: CheckTarget): Promise<readonly CheckLine[]>;
}

/** The cluster as the checks read it: what two of them ask is asked once. */
export class ClusterReader {
  readonly api: KubeApi;
  /** Every replica of the control plane, asked for its proxies. */
  readonly replicas: () => Promise<readonly ControlReplica[]>;
  private readonly lists = new Map<string, Promise<ListOutcome>>();

  constructor(api: KubeApi, replicas: () => Promise<readonly ControlReplica[]>) {
    this.api = api;
    this.replicas = replicas;
  }

  list(path: string): Promise<ListOutcome> {
    const known = this.lists.get(path) ?? this.readList(path);
    this.lists.set(path, known);
    return known;
  }

  /** null: it is not there. */
  async get(path: string): Promise<Result<KubeObject | null, MeshError>> {
    const answer = await this.api.request({ method: 'GET', path });
    if (!answer.ok) return answer;
    const { status, body } = answer.value;
    if (status === 200) return ok(body);
    if (status === 404) return ok(null);
    return fail(
      new MeshError('protocol', 'upstream', 'no', `${path}: ${status} ${textOf(body, 'message')}`.trimEnd()),
    );
  }

  private async readList(path: string): Promise<ListOutcome> {
    const listed = await listAll(this.api, path);
    return listed.ok ? listed.value : { kind: 'refused', reason: listed.error.message };
  }
}

/** `judge` over all objects of a collection; unknown where it cannot be read, as none where there is no such kind. */
export async function overList(
  reader: ClusterReader,
  path: string,
  judge: (objects: readonly KubeObject[]) => readonly CheckLine[] | Promise<readonly CheckLine[]>,
): Promise<readonly CheckLine[]> {
  const listed = await reader.list(path);
  if (listed.kind === 'refused') return [unknown(`${path} cannot be read: ${listed.reason}`)];
  return await judge(listed.kind === 'absent' ? [] : listed.objects);
}

export const fine = (message: string): CheckLine => ({ verdict: 'ok', message });
export const warning = (message: string): CheckLine => ({ verdict: 'warning', message });
export const fault = (message: string): CheckLine => ({ verdict: 'fault', message });
export const unknown = (message: string): CheckLine => ({ verdict: 'unknown', message });

/** Names in a sentence: the first of them, and how many more. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
