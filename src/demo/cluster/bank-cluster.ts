// The bank as a cluster would run it: control plane, gateway and pods, and the few verbs that a rollout or an operator
// needs.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  customersCount,
  namespace,
  openingPennies,
  type Workload,
  workloads,
} from '../../../examples/bank/bank.ts';
import { createLedgerFile } from '../../../examples/bank/ledger-store.ts';
import { DemoFault } from '../fault.ts';
import { startTimeoutMs } from '../machine/limits.ts';
import type { Machine } from '../machine/machine.ts';
import { createNetwork, type NetworkKind, type PodNetwork } from '../network/index.ts';
import { Container } from './container.ts';
import { Manifests } from './manifests.ts';
import { Pod } from './pod.ts';
import type { Programs } from './programs.ts';
import { allocateMeshPorts, controlProgram, type MeshPorts, proxyProgram } from './proxies.ts';

/** How a pod takes part in the mesh: a sidecar of its own, or its node's agent. */
export type Attachment = 'sidecar' | 'agent';

export interface BankOptions {
  readonly small: boolean;
  readonly attachment: Attachment;
  readonly network: NetworkKind;
  /** Edge and console where people look for them; false: anywhere, so that runs beside each other never meet. */
  readonly usualPorts: boolean;
  /** For the control plane's process. */
  readonly controlEnv: Readonly<Record<string, string>>;
}

export interface Slot {
  readonly name: string;
  readonly workload: Workload;
  readonly node: 'node-1' | 'node-2';
  generation: number;
  attachment: Attachment;
  pod: Pod;
}

const nodes = ['node-1', 'node-2'] as const;
const ignoreExit = { onContainerExit() {} };

export class BankCluster {
  readonly slots: ReadonlyMap<string, Slot>;
  readonly manifests: Manifests;
  readonly ports: MeshPorts;
  readonly control: Container;
  readonly gateway: Container;
  readonly agents: readonly Container[];
  readonly ledgerPath: string;
  readonly network: PodNetwork;
  private readonly machine: Machine;
  private readonly programs: Programs;
  private readonly agentPorts: ReadonlyMap<string, number>;
  private readonly onPhase: (pod: Pod) => void;
  /** Pods that were replaced and are not gone yet. */
  private readonly leaving = new Set<Pod>();

  constructor(
    machine: Machine,
    programs: Programs,
    options: BankOptions,
    onPhase: (pod: Pod) => void = () => {},
  ) {
    this.machine = machine;
    this.programs = programs;
    this.onPhase = onPhase;
    this.manifests = new Manifests(programs.manifestFolder, join(machine.folder, 'manifests'));
    this.network = createNetwork(options.network, machine, this.manifests.serviceNames);
    if (this.network.serviceAddresses !== null) this.manifests.setAddresses(this.network.serviceAddresses);
    this.ports = allocateMeshPorts(machine, options.usualPorts, this.network.host);
    this.ledgerPath = join(machine.folder, 'ledger.db');
    createLedgerFile(this.ledgerPath, 2 * customersCount, openingPennies);
    this.control = this.container(
      controlProgram(programs, this.ports, this.manifests.folder, options.controlEnv),
    );
    this.gateway = this.container(
      proxyProgram(machine, programs, {
        role: 'gateway',
        name: 'edge-0',
        workload: 'edge',
        listen: { gateway: `127.0.0.1:${this.ports.edge}` },
        admin: this.ownAdmin(),
        xds: this.xds,
        applicationPort: null,
      }),
    );
    const agentNodes = options.attachment === 'agent' ? nodes : [];
    this.agentPorts = new Map(agentNodes.map((node) => [node, machine.ports.allocate()]));
    this.agents = agentNodes.map((node) => this.container(this.agentProgram(node)));
    this.slots = new Map(this.createSlots(options).map((slot) => [slot.name, slot]));
  }

  get pods(): readonly Pod[] {
    return [...[...this.slots.values()].map((slot) => slot.pod), ...this.leaving];
  }

  get edgeUrl(): string {
    return `http://127.0.0.1:${this.ports.edge}`;
  }

  get controlUrl(): string {
    return this.control.program.row.adminUrl;
  }

  /** Starts everything, as much at once as the machine has cores for, and waits until every pod is ready. */
  async start(): Promise<void> {
    await this.network.open();
    this.control.start();
    this.gateway.start();
    for (const agent of this.agents) agent.start();
    const waiting = [...this.slots.values()];
    // A starting pod computes for half a second: more than two a core only makes all of them late.
    const lanes = Array.from({ length: 2 * availableParallelism() }, async () => {
      for (let slot = waiting.shift(); slot !== undefined; slot = waiting.shift()) {
        await slot.pod.start();
        await this.whenReady(slot.pod);
      }
    });
    await Promise.all(lanes);
  }

  /** Rejects when the pod is not ready in time, with the place of its logs. */
  async whenReady(pod: Pod): Promise<void> {
    const deadlineMs = performance.now() + startTimeoutMs;
    while (pod.phase !== 'ready') {
      if (performance.now() > deadlineMs) {
        throw new DemoFault(
          'run',
          `${pod.spec.name} is not ready after ${startTimeoutMs / 1000} s; see ${this.machine.folder}/logs`,
        );
      }
      await Bun.sleep(20);
    }
  }

  /**
   * Puts a new pod in the place of the old one, as a Deployment's rolling update would: the new one is ready before the
   * old one leaves. The same program; only where it listens and where its mesh is differ.
   */
  async replace(slot: Slot, attachment: Attachment): Promise<void> {
    const old = slot.pod;
    slot.generation++;
    slot.attachment = attachment;
    const next = this.createPod(slot.name, slot.workload, slot.node, slot.generation, attachment);
    this.leaving.add(old);
    slot.pod = next;
    await next.start();
    await this.whenReady(next);
    // The next replacement need not wait for this one's goodbye.
    void old.terminate().then(() => this.leaving.delete(old));
  }

  /** Settles when every replaced pod is gone. */
  async whenSettled(): Promise<void> {
    while (this.leaving.size > 0) await Bun.sleep(20);
  }

  /** Ends every process, clients' side first. */
  async stop(): Promise<void> {
    await this.gateway.stop();
    await Promise.all(this.pods.map((pod) => pod.stop()));
    await Promise.all([...this.agents.map((agent) => agent.stop()), this.control.stop()]);
    await this.network.close();
  }

  private get xds() {
    return { host: this.ports.host, port: this.ports.xds };
  }

  /** Of a proxy that is in no pod. */
  private ownAdmin() {
    return { host: '127.0.0.1', port: this.machine.ports.allocate() };
  }

  private container(program: Container['program']): Container {
    return new Container(program, this.machine, ignoreExit);
  }

  private agentProgram(node: string) {
    const port = this.agentPorts.get(node)!;
    return proxyProgram(this.machine, this.programs, {
      role: 'agent',
      name: node,
      workload: node,
      listen: { agent: `${this.network.host}:${port}` },
      admin: this.ownAdmin(),
      xds: this.xds,
      applicationPort: null,
    });
  }

  private createSlots({ small, attachment }: BankOptions): Slot[] {
    const slots: Slot[] = [];
    for (const workload of workloads) {
      for (let at = 0; at < (small ? workload.replicasSmall : workload.replicas); at++) {
        const node = nodes[slots.length % nodes.length]!;
        const name = `${workload.name}-${at}`;
        const pod = this.createPod(name, workload, node, 1, attachment);
        slots.push({ name, workload, node, generation: 1, attachment, pod });
      }
    }
    return slots;
  }

  private createPod(
    slot: string,
    workload: Workload,
    node: string,
    generation: number,
    attachment: Attachment,
  ): Pod {
    const name = generation === 1 ? slot : `${slot}-g${generation}`;
    const place = this.network.place(name, attachment === 'sidecar');
    const { listen, admin, applicationPort } = place;
    const facts = { role: 'sidecar', name, workload: workload.name, listen, admin, applicationPort } as const;
    const sidecar =
      attachment === 'agent' ? null : proxyProgram(this.machine, this.programs, { ...facts, xds: this.xds });
    const agent = `${this.network.host}:${this.agentPorts.get(node)}`;
    const mesh = attachment === 'agent' ? agent : listen.outbound;
    const application = {
      command: this.programs.service(workload),
      env: {
        ...workload.env,
        HOST: place.host,
        PORT: String(applicationPort),
        ...(place.captured ? {} : { MESH: mesh }),
        REPLICA: name,
        LEDGER_FILE: this.ledgerPath,
      },
      row: {
        name,
        kind: 'service',
        role: 'application',
        service: workload.name,
        replica: name,
        adminUrl: '',
      },
    } as const;
    return new Pod(
      {
        name,
        slot,
        service: workload.name,
        namespace,
        node,
        place,
        application,
        sidecar,
        sliceFolder: this.manifests.sliceFolder,
      },
      this.machine,
      this.onPhase,
    );
  }
}
