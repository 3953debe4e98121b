// The agents of the nodes are reached at the address of their node, `$NODE_IP:4140`. Not by a port of the node: two
// pods cannot have one, so that a new agent could not serve before the old one goes. A Service has these addresses
// instead, as a balancer would write them, and leads them to the agent that is there (docs/decisions/0027).

import { type Clock, type Log, type Random, Timer, type TimerHandler } from '../../base/index.ts';
import { Reflector, type ReflectorOwner } from '../kubernetes/reflector.ts';
import { fieldOf, isRecord, type KubeApi, type KubeObject, textOf } from '../kubernetes/types.ts';
import type { WatchedKind } from '../kubernetes/watched-kinds.ts';
import { fleetLimits } from './limits.ts';

/** Of the Service: whose addresses are ours to write, and no cloud's. */
export const nodeAddressClass = 'weft.dev/node';

export interface NodeAddressesOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly namespace: string;
  /** Of the Service, and of its pods as the label `app`. */
  readonly name: string;
}

/** Kept by the replica that leads. */
export class NodeAddresses implements TimerHandler, ReflectorOwner {
  private readonly options: NodeAddressesOptions;
  private readonly pods: Reflector;
  private readonly path: string;
  private readonly timer = new Timer(this, 0);
  /** Of the node of each pod, by the pod's name. */
  private readonly hosts = new Map<string, readonly string[]>();
  private leading = false;
  private running = false;
  private dirty = false;
  /** What went wrong last, so that it is said once. */
  private told = '';

  constructor(options: NodeAddressesOptions) {
    const { api, clock, random, namespace, name } = options;
    this.options = options;
    this.path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/services/${name}`;
    const kind = { ...podsKind, selector: `app=${name}` };
    this.pods = new Reflector({ api, clock, random, kind, namespace, owner: this });
  }

  lead(leading: boolean): void {
    if (leading === this.leading) return;
    this.leading = leading;
    if (leading) this.pods.start();
    else {
      this.pods.stop();
      this.options.clock.cancel(this.timer);
    }
  }

  /** Objects of the mesh do not bear on it. */
  poke(): void {}

  stop(): void {
    this.lead(false);
  }

  onObject(_kind: WatchedKind, _version: string, pod: KubeObject): void {
    const list = fieldOf(pod, 'status', 'hostIPs');
    const all = Array.isArray(list) ? list.map((one) => textOf(one, 'ip')) : [];
    this.hosts.set(textOf(pod, 'metadata', 'name'), all.length > 0 ? all : [textOf(pod, 'status', 'hostIP')]);
    this.changed();
  }

  onGone(_kind: WatchedKind, _namespace: string, name: string): void {
    this.hosts.delete(name);
    this.changed();
  }

  onState(): void {
    this.changed();
  }

  onTimer(): void {
    if (!this.running) void this.run();
  }

  private changed(): void {
    if (this.running) this.dirty = true;
    else if (this.leading) this.options.clock.arm(this.timer, fleetLimits.gatherMs);
  }

  private async run(): Promise<void> {
    this.running = true;
    this.dirty = false;
    const fault = this.pods.state === 'synced' ? await this.turn() : '';
    this.running = false;
    if (fault !== this.told && fault !== '')
      this.options.log.write('warn', 'the agents have not the addresses of their nodes', { reason: fault });
    this.told = fault;
    if (!this.leading) return;
    const waitMs = fault === '' ? fleetLimits.resyncMs : fleetLimits.backoffMs;
    this.options.clock.arm(this.timer, this.dirty ? fleetLimits.gatherMs : waitMs);
  }

  /** Why they are not as they should be; '': they are, or there are no agents of ours. */
  private async turn(): Promise<string> {
    const { api } = this.options;
    const answer = await api.request({ method: 'GET', path: this.path });
    if (!answer.ok) return answer.error.message;
    const { status, body } = answer.value;
    if (status === 404) return '';
    if (status !== 200) return `${status} ${textOf(body, 'message')}`;
    if (textOf(body, 'spec', 'loadBalancerClass') !== nodeAddressClass) return '';
    await this.prefersSameNode(body);
    const wanted = [...new Set([...this.hosts.values()].flat())].filter((ip) => ip !== '').sort();
    if (listAddresses(body).join() === wanted.join()) return '';
    const patch = { status: { loadBalancer: { ingress: wanted.map((ip) => ({ ip })) } } };
    const put = await api.request({ method: 'PATCH', path: `${this.path}/status`, body: patch });
    if (!put.ok) return put.error.message;
    return put.value.status === 200 ? '' : `${put.value.status} ${textOf(put.value.body, 'message')}`;
  }

  /** Kubernetes before 1.34 does not know the word: there any agent may answer, which serves as well. */
  private async prefersSameNode(service: KubeObject): Promise<void> {
    if (fieldOf(service, 'spec', 'trafficDistribution') !== undefined) return;
    const body = { spec: { trafficDistribution: 'PreferSameNode' } };
    await this.options.api.request({ method: 'PATCH', path: this.path, body });
  }
}

const podsKind: WatchedKind = {
  group: '',
  kind: 'Pod',
  versions: ['v1'],
  plural: 'pods',
  namespaced: true,
  selector: '',
  fields: '',
};

function listAddresses(service: KubeObject): readonly string[] {
  const list = fieldOf(service, 'status', 'loadBalancer', 'ingress');
  return Array.isArray(list)
    ? list
        .filter(isRecord)
        .map((one) => textOf(one, 'ip'))
        .sort()
    : [];
}
