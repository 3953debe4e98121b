// Composes the demo: a machine, the bank on it, its clients, and what watches them. Three ways to run it share this:
// the live demo, the scripted run and the switch from agents to sidecars.

import { customersCount, openingPennies } from '../../examples/bank/bank.ts';
import { type Attachment, BankCluster } from './cluster/bank-cluster.ts';
import { createPrograms, findSourceRoot, type Programs } from './cluster/programs.ts';
import { applyCommand, type CommandResult, type DemoSwitches } from './control/commands.ts';
import { type ControlHost, type ControlServer, serveControl } from './control/control-server.ts';
import type { DemoStatus } from './control/status.ts';
import { DemoFault } from './fault.ts';
import { LoadProcess } from './load/load-process.ts';
import { checkMoney, type MoneyReport } from './load/money.ts';
import {
  createDemoFolder,
  keepDemoFolder,
  removeDemoFolder,
  sweepDemoFolders,
} from './machine/demo-folder.ts';
import { startTimeoutMs } from './machine/limits.ts';
import { Machine } from './machine/machine.ts';
import { chooseNetwork, type NetworkKind } from './network/index.ts';
import { Meters } from './view/meters.ts';
import { describeSummary } from './view/summary.ts';
import { UsageMeter } from './view/usage-meter.ts';

export interface DemoOptions {
  readonly small: boolean;
  readonly attachment: Attachment;
  /** null: namespaces where this machine has them. */
  readonly network: NetworkKind | null;
  /** `--state`; null: none. */
  readonly statePath: string | null;
  /** Folder for temporary files; the demo makes its own below it. */
  readonly temporaryFolder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly print: (line: string) => void;
  /** Takes commands from other terminals and from the console. */
  readonly commands: boolean;
}

/** Memory is read this rarely, because reading it holds the processes up. */
const memoryIntervalMs = 30_000;
/** A proxy's metrics are some 2,000 lines, and there are 25 proxies. */
const retriesIntervalMs = 5000;

const load = { ratePerSecond: 20, ratePerSecondSmall: 12, transferShare: 0.32 } as const;

export class Demo implements ControlHost {
  readonly machine: Machine;
  readonly cluster: BankCluster;
  readonly meters: Meters;
  readonly usage: UsageMeter;
  readonly switches: DemoSwitches = { policy: 'on', splitPercent: 0 };
  readonly options: DemoOptions;
  /** null: it takes no commands. */
  readonly server: ControlServer | null;
  private readonly programs: Programs;
  private bankLoad: LoadProcess | null = null;
  private startedMs = 0;
  private retries = 0;
  private money: DemoStatus['money'] = null;
  private usageMeter: DemoStatus['usage'] = [];
  private memoryReadMs = Number.NEGATIVE_INFINITY;
  private retriesReadMs = Number.NEGATIVE_INFINITY;
  private stopping: Promise<readonly number[]> | null = null;

  constructor(options: DemoOptions) {
    this.options = options;
    // First what may be refused: a demo that does not start leaves nothing.
    this.programs = createPrograms(findSourceRoot(), Bun.which('python3'));
    const network = chooseNetwork(options.network);
    const swept = sweepDemoFolders(options.temporaryFolder);
    if (swept > 0) options.print(`removed what ${swept} killed demo${swept === 1 ? '' : 's'} left behind`);
    const folder = createDemoFolder(options.temporaryFolder);
    this.machine = new Machine(folder, options.statePath, options.environment);
    this.server = options.commands ? serveControl(this.machine.ports.allocate(), this) : null;
    this.cluster = new BankCluster(this.machine, this.programs, {
      ...options,
      network,
      usualPorts: options.commands,
      controlEnv:
        this.server === null ? {} : { WEFT_DEMO_URL: this.server.url, WEFT_DEMO_TOKEN: this.server.token },
    });
    this.meters = new Meters(() => this.machine.state.rows);
    this.usage = new UsageMeter(() => this.machine.state.rows);
  }

  get load(): LoadProcess | null {
    return this.bankLoad;
  }

  /** Starts everything, and the clients once a first call went through all hops. Returns the seconds that took. */
  async start(): Promise<number> {
    const startMs = performance.now();
    const { print } = this.options;
    if (this.cluster.network.serviceAddresses !== null)
      print('every pod has a network of its own; its sidecar captures what it calls and what calls it');
    if (this.programs.python === null) print('python3 is not here: statements runs as its TypeScript twin');
    await Promise.all([this.cluster.start(), this.firstCall()]);
    const seconds = (performance.now() - startMs) / 1000;
    this.startedMs = startMs;
    this.bankLoad = new LoadProcess(this.machine, this.programs.weft('demo', 'bank-load'), {
      url: this.cluster.edgeUrl,
      ratePerSecond: this.options.small ? load.ratePerSecondSmall : load.ratePerSecond,
      transferShare: load.transferShare,
      run: `r${process.pid}-${Date.now().toString(36)}`,
      customers: customersCount,
    });
    return seconds;
  }

  command(words: readonly string[]): CommandResult {
    return applyCommand(this.cluster, this.switches, words);
  }

  /** Everything acknowledged so far against the ledger. */
  checkMoney(): MoneyReport {
    return checkMoney(this.cluster.ledgerPath, openingPennies, this.bankLoad?.acknowledged ?? []);
  }

  /** Reads what {@link status} shows; about once a second is enough. */
  async refresh(): Promise<void> {
    const nowMs = performance.now();
    const memory = nowMs - this.memoryReadMs > memoryIntervalMs;
    if (memory) this.memoryReadMs = nowMs;
    if (nowMs - this.retriesReadMs > retriesIntervalMs) {
      this.retriesReadMs = nowMs;
      this.retries = await this.meters.readRetries();
    }
    this.usageMeter = await this.usage.read({ memory });
    const { expected, found } = this.checkMoney();
    this.money = { expected, found };
  }

  /** What came of it so far, for the person who ends it; empty before the clients started. */
  summary(): readonly string[] {
    if (this.bankLoad === null) return [];
    return describeSummary({
      seconds: (performance.now() - this.startedMs) / 1000,
      total: this.bankLoad.total,
      failures: this.bankLoad.failures,
      generatorRestarts: this.bankLoad.restarts,
      retries: this.retries,
      money: this.checkMoney(),
    });
  }

  status(): DemoStatus {
    const metrics = `${this.cluster.controlUrl}/metrics`;
    return {
      replicas: [...this.cluster.slots.values()].map(({ name, workload, pod }) => ({
        name,
        service: workload.name,
        state: pod.fault === '' ? pod.phase : pod.fault,
        restarts: pod.restarts,
      })),
      policy: this.switches.policy,
      splitPercent: this.switches.splitPercent,
      money: this.money,
      load: this.bankLoad?.last ?? null,
      clients: { state: this.bankLoad?.state ?? 'starting', restarts: this.bankLoad?.restarts ?? 0 },
      requests: this.bankLoad?.total.requests ?? 0,
      failed: this.bankLoad?.total.failed ?? 0,
      retries: this.retries,
      addresses: { edge: this.cluster.edgeUrl, console: `${this.cluster.controlUrl}/`, metrics },
      usage: this.usageMeter,
    };
  }

  /**
   * Ends every process; returns the ids of those that are left: there should be none. Removes the folder, or keeps it
   * for its logs. Idempotent: the first call counts.
   */
  stop(folder: 'remove' | 'keep' = 'remove'): Promise<readonly number[]> {
    this.stopping ??= this.askedToStop(folder);
    return this.stopping;
  }

  private async askedToStop(folder: 'remove' | 'keep'): Promise<readonly number[]> {
    await this.server?.close();
    this.bankLoad?.kill();
    await this.cluster.stop();
    const left = await this.machine.close();
    if (folder === 'remove') removeDemoFolder(this.machine.folder);
    else this.keep();
    return left;
  }

  private keep(): void {
    keepDemoFolder(this.machine.folder);
    this.options.print(`logs are kept in ${this.machine.folder}/logs`);
  }

  private async firstCall(): Promise<void> {
    const deadlineMs = performance.now() + startTimeoutMs;
    for (;;) {
      const response = await fetch(`${this.cluster.edgeUrl}/home/0`).catch(() => null);
      await response?.arrayBuffer();
      if (response?.ok === true) return;
      if (performance.now() > deadlineMs) {
        const answer = response?.status ?? 'nothing';
        throw new DemoFault('run', `the edge answers ${answer}; see ${this.machine.folder}/logs`);
      }
      await Bun.sleep(100);
    }
  }
}
