// A network as a cluster has it, made of namespaces: every pod has its own, with an address of its own, and a bridge in
// one more joins them. This machine has one end of one cable to that bridge, and nothing else: when the last process
// ends, the kernel takes the namespaces and the cable away, whoever killed whom.

import { join } from 'node:path';
import { encodeNft } from '../../deploy/index.ts';
import { DemoFault } from '../fault.ts';
import { writeFileAtomic } from '../machine/atomic-file.ts';
import type { Machine } from '../machine/machine.ts';
import type { ManagedProcess } from '../machine/process.ts';
import type { PodNetwork, PodPlace, ProcessRole } from './network.ts';

const programs = ['ip', 'mount', 'nft', 'nsenter', 'setpriv', 'unshare'] as const;
const ports = { admin: 15_000, outbound: 15_001, inbound: 15_006, application: 8080, service: 80 } as const;
/** Of the proxy's processes; `weft redirect` lets them pass. They keep their user, who may read the source tree. */
const proxyGroup = 1337;
/** Pods and Services of one demo: a block of 1,022 addresses each, of the range for benchmarks (RFC 2544). */
const blockBits = 22;
const blocksMax = 64;

/** Empty when namespaces can be made here, else why not. */
export function whyNoNamespaces(): string {
  if (process.platform !== 'linux') return 'they exist on Linux alone';
  if (process.getuid?.() !== 0) return 'they take root';
  const missing = programs.filter((program) => Bun.which(program) === null);
  if (missing.length > 0) return `${missing.join(', ')} is not here`;
  const probe = 'ip link add name probe0 type bridge; nft list tables; mount --make-rprivate /';
  const { success } = Bun.spawnSync(['unshare', '--net', '--mount', 'sh', '-euc', probe]);
  return success ? '' : 'the kernel does not let this process make them';
}

export class NamespaceNetwork implements PodNetwork {
  readonly host: string;
  readonly serviceAddresses: ReadonlyMap<string, string>;
  private readonly machine: Machine;
  private readonly hostsPath: string;
  private readonly cable: string;
  private readonly block: number;
  private bridge: ManagedProcess | null = null;
  private placesCount = 0;

  /** `services`: names that applications call each other by. */
  constructor(machine: Machine, services: readonly string[]) {
    this.machine = machine;
    // Demos beside each other have different process ids, and so mostly different blocks; else `ip addr add` refuses.
    this.block = process.pid % blocksMax;
    this.cable = `weft${process.pid}`;
    this.host = this.address('pods', 1);
    this.hostsPath = join(machine.folder, 'hosts');
    this.serviceAddresses = new Map(services.map((name, at) => [name, this.address('services', at + 1)]));
    const names = [...this.serviceAddresses].map(([name, address]) => `${address} ${name}\n`);
    writeFileAtomic(this.hostsPath, `127.0.0.1 localhost\n${names.join('')}`);
  }

  async open(): Promise<void> {
    this.bridge = await this.hold(
      'pod-network',
      ['--net'],
      'ip link add name br0 type bridge; ip link set br0 up',
    );
    const { pid } = this.bridge;
    await sh(
      'the bridge of the pods',
      `ip link add name ${this.cable} type veth peer name uplink netns ${pid}
       nsenter -t ${pid} -n sh -euc 'ip link set uplink master br0; ip link set uplink up'
       ip addr add ${this.host}/${blockBits} dev ${this.cable}
       ip link set ${this.cable} up`,
    );
  }

  place(pod: string, withSidecar: boolean): PodPlace {
    const at = ++this.placesCount;
    const address = this.address('pods', at + 1);
    let holder: ManagedProcess | null = null;
    return {
      address,
      host: '0.0.0.0',
      captured: withSidecar,
      applicationPort: ports.application,
      listen: { outbound: `127.0.0.1:${ports.outbound}`, inbound: `0.0.0.0:${ports.inbound}` },
      port: ports.application,
      admin: { host: address, port: ports.admin },
      open: async () => {
        const hosts = `mount --make-rprivate /; mount --bind ${this.hostsPath} /etc/hosts`;
        holder = await this.hold(`${pod}-network`, ['--net', '--mount'], hosts);
        await this.connect(pod, holder.pid, `pod${at}`, address);
        if (withSidecar) await capture(pod, holder.pid);
      },
      command: (command, role) => {
        if (holder === null) throw new Error(`bug: a process of ${pod} before its network`);
        return inPlace(holder.pid, command, role);
      },
      close: async () => void (await holder?.stop()),
    };
  }

  async close(): Promise<void> {
    if (this.bridge === null) return;
    await this.bridge.stop();
    // The kernel does so by itself, a little later.
    await sh('an end of the network', `ip link del ${this.cable} 2>/dev/null || true`);
  }

  private address(of: 'pods' | 'services', at: number): string {
    const first = (of === 'pods' ? 0 : blocksMax) + this.block;
    const number = first * 2 ** (32 - blockBits) + at;
    return `198.${18 + Math.floor(number / 65_536)}.${Math.floor(number / 256) % 256}.${number % 256}`;
  }

  /** A process that does nothing but keep namespaces, ready when `setup` has run in them. */
  private async hold(name: string, namespaces: readonly string[], setup: string): Promise<ManagedProcess> {
    const ready = Promise.withResolvers<void>();
    const child = this.machine.hold({
      name,
      // The end of its input, which the demo holds, ends it too.
      command: ['unshare', ...namespaces, 'sh', '-euc', `ip link set lo up; ${setup}; echo ready; exec cat`],
      onLine: () => ready.resolve(),
    });
    const failed = child.exited.then(() => {
      throw new DemoFault('run', `no network namespace for ${name}; see ${this.machine.logPath(name)}`);
    });
    await Promise.race([ready.promise, failed]);
    failed.catch(() => {});
    return child;
  }

  /** One cable from the bridge to the pod; what is not a pod's address goes to this machine, which forwards nothing. */
  private async connect(pod: string, pid: number, cable: string, address: string): Promise<void> {
    const bridge = this.bridge?.pid;
    await sh(
      `the network of ${pod}`,
      `ip link add name ${cable} netns ${bridge} type veth peer name eth0 netns ${pid}
       nsenter -t ${bridge} -n sh -euc 'ip link set ${cable} master br0; ip link set ${cable} up'
       nsenter -t ${pid} -n sh -euc '
         ip addr add ${address}/${blockBits} dev eth0; ip link set eth0 up; ip route add default via ${this.host}'`,
    );
  }
}

/** The rules that `weft redirect` would set in the pod's init container. */
async function capture(pod: string, pid: number): Promise<void> {
  const rules = encodeNft({
    outboundPorts: [ports.service],
    inboundPorts: [ports.application],
    skipPorts: [],
    skipSources: [],
    skipDestinations: [],
    skipInterfaces: [],
  });
  await run(`the capture of ${pod}`, ['nsenter', '-t', String(pid), '-n', 'nft', '-f', '-'], rules);
}

function inPlace(pid: number, command: readonly string[], role: ProcessRole): readonly string[] {
  const group = role === 'proxy' ? ['setpriv', `--regid=${proxyGroup}`, '--keep-groups'] : [];
  return ['nsenter', '-t', String(pid), '-n', '-m', '--', ...group, ...command];
}

function sh(what: string, script: string): Promise<void> {
  return run(what, ['sh', '-eu'], script);
}

async function run(what: string, command: readonly string[], input: string): Promise<void> {
  const child = Bun.spawn([...command], { stdin: Buffer.from(input), stdout: 'ignore', stderr: 'pipe' });
  const [code, said] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new DemoFault('run', `cannot make ${what}: ${said.trim()}`);
}
