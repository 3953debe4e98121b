// The replicas of the control plane tell each other what their proxies said: each keeps a Lease of its own with its
// report in an annotation, and whoever leads adds all of them up. As with leadership, nobody's clock is believed: a
// report counts while its Lease changes.

import { type Clock, type Log, Timer, type TimerHandler } from '../../base/index.ts';
import { fieldOf, type KubeAnswer, type KubeApi, type KubeObject, textOf } from '../kubernetes/types.ts';
import { writerLimits } from './limits.ts';
import { addReports, decodeReport, emptyReport, encodeReport, type ReplicaReport } from './replica-report.ts';

/** Also the value of `app.kubernetes.io/component` of such a Lease. */
const component = 'control-replica';
const annotation = 'weft.dev/report';
const group = '/apis/coordination.k8s.io/v1';

export interface ReplicasOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the Leases are. */
  readonly namespace: string;
  /** Of this replica, among all that ever were: the pod's name. */
  readonly replica: string;
  /** The pod's uid: its Lease goes with it. '': it runs in none. */
  readonly podUid: string;
  /** What our own proxies say now. */
  measure(): ReplicaReport;
  /** The others' proxies say something else now. */
  onChange(): void;
}

interface Seen {
  version: string;
  /** Clock time of its last change. */
  changedMs: number;
  report: ReplicaReport;
}

export class Replicas implements TimerHandler {
  private readonly options: ReplicasOptions;
  private readonly timer: Timer;
  private readonly path: string;
  private readonly seen = new Map<string, Seen>();
  private others: ReplicaReport = emptyReport;
  private othersText = '';
  private writtenText = '';
  private triedMs = Number.NEGATIVE_INFINITY;
  /** Why the last write failed; '': it did not. */
  private refusal = '';
  private readFailed = false;
  private leading = false;
  private stopped = false;

  constructor(options: ReplicasOptions) {
    this.options = options;
    this.timer = new Timer(this, 0);
    this.path = `${group}/namespaces/${options.namespace}/leases`;
  }

  /** What the proxies of all other replicas say, as far as this one leads. */
  get ofOthers(): ReplicaReport {
    return this.others;
  }

  start(): void {
    void this.turn();
  }

  lead(leading: boolean): void {
    this.leading = leading;
    if (!leading) this.seen.clear();
    if (leading && this.timer.armed) this.options.clock.arm(this.timer, 0);
  }

  /** Its proxies go elsewhere: nobody is to count them twice. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.options.clock.cancel(this.timer);
    if (this.writtenText !== '') await this.remove(this.options.replica);
  }

  onTimer(): void {
    void this.turn();
  }

  private async turn(): Promise<void> {
    const { clock, measure } = this.options;
    const text = encodeReport(measure());
    const isOld = clock.now() - this.triedMs >= writerLimits.reportRenewMs;
    // What was refused is not asked for every two seconds: a right is missing, or a namespace.
    if (isOld || (text !== this.writtenText && this.refusal === '')) await this.write(text);
    if (this.leading && !this.stopped) await this.read();
    if (!this.stopped) clock.arm(this.timer, writerLimits.reportMs);
  }

  private async write(text: string): Promise<void> {
    const { api, clock, log, replica } = this.options;
    const answer = await api.request({
      method: 'APPLY',
      path: `${this.path}/${nameOf(replica)}?fieldManager=weft-control&force=true`,
      body: this.createLease(text),
    });
    this.triedMs = clock.now();
    const before = this.refusal;
    this.refusal = answer.ok ? refusalOf(answer.value) : answer.error.message;
    if (this.refusal === '') this.writtenText = text;
    else if (this.refusal !== before)
      log.write('warn', 'report for the other replicas not written', { reason: this.refusal });
  }

  private createLease(text: string): KubeObject {
    const { clock, namespace, replica, podUid } = this.options;
    const owner = { apiVersion: 'v1', kind: 'Pod', name: replica, uid: podUid };
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: nameOf(replica),
        namespace,
        labels: { 'app.kubernetes.io/part-of': 'weft', 'app.kubernetes.io/component': component },
        annotations: { [annotation]: text },
        ...(podUid === '' ? {} : { ownerReferences: [owner] }),
      },
      spec: {
        holderIdentity: replica,
        leaseDurationSeconds: writerLimits.reportLifeMs / 1000,
        renewTime: new Date(clock.wall()).toISOString().replace('Z', '000Z'),
      },
    };
  }

  private async read(): Promise<void> {
    const { api, clock, replica } = this.options;
    const selector = encodeURIComponent(`app.kubernetes.io/component=${component}`);
    const answer = await api.request({ method: 'GET', path: `${this.path}?labelSelector=${selector}` });
    const items = answer.ok && answer.value.status === 200 ? fieldOf(answer.value.body, 'items') : null;
    if (!Array.isArray(items)) {
      this.readFailed = true;
      return;
    }
    // While nobody could read, nobody could write: that is no silence of theirs.
    if (this.readFailed) for (const seen of this.seen.values()) seen.changedMs = clock.now();
    this.readFailed = false;
    for (const item of items as readonly KubeObject[]) {
      const holder = textOf(item, 'spec', 'holderIdentity');
      const version = textOf(item, 'metadata', 'resourceVersion');
      if (holder === replica || this.seen.get(holder)?.version === version) continue;
      if (this.seen.size >= writerLimits.replicasMax && !this.seen.has(holder)) continue;
      const report = decodeReport(textOf(item, 'metadata', 'annotations', annotation));
      this.seen.set(holder, { version, changedMs: clock.now(), report });
    }
    await this.forgetSilent();
    this.addUp();
  }

  /** Of a replica that went without a word the leader takes the Lease away. */
  private async forgetSilent(): Promise<void> {
    const now = this.options.clock.now();
    for (const [holder, { changedMs }] of this.seen) {
      if (now - changedMs < writerLimits.reportLifeMs) continue;
      this.seen.delete(holder);
      await this.remove(holder);
    }
  }

  private addUp(): void {
    const others = addReports([...this.seen.values()].map(({ report }) => report));
    const text = encodeReport(others);
    this.others = others;
    if (text === this.othersText) return;
    this.othersText = text;
    this.options.onChange();
  }

  private async remove(replica: string): Promise<void> {
    await this.options.api.request({ method: 'DELETE', path: `${this.path}/${nameOf(replica)}` });
  }
}

/** '': it was written. */
function refusalOf({ status, body }: KubeAnswer): string {
  return status === 200 || status === 201 ? '' : `${status} ${textOf(body, 'message')}`;
}

/** A pod's name is long enough to be one of its own, and may end as ours begins. */
function nameOf(replica: string): string {
  return `weft-replica-${replica}`;
}
