// One replica: an application, a sidecar beside it or none, a readiness probe, and the EndpointSlice that says what the
// probe found.

import { join } from 'node:path';
import { removeFile, writeFileAtomic } from '../machine/atomic-file.ts';
import { preStopMs, probeFailuresMax, probeIntervalMs, probeTimeoutMs } from '../machine/limits.ts';
import type { Machine, Program } from '../machine/machine.ts';
import type { PodPlace, ProcessRole } from '../network/index.ts';
import { Container } from './container.ts';
import { encodeEndpointSlice } from './endpoint-slice.ts';

export interface PodSpec {
  /** `ledger-1`, or `ledger-1-g2` for what replaced it. */
  readonly name: string;
  /** `ledger-1`, whoever holds the place. */
  readonly slot: string;
  readonly service: string;
  readonly namespace: string;
  readonly node: string;
  readonly place: PodPlace;
  readonly application: Program;
  /** null: the node's agent is its way into the mesh. */
  readonly sidecar: Program | null;
  readonly sliceFolder: string;
}

/**
 * starting -> ready <-> unready -> terminating -> gone. Only a ready pod is in its Service; a terminating one finishes
 * what it has.
 */
export type PodPhase = 'starting' | 'ready' | 'unready' | 'terminating' | 'gone';

export class Pod {
  readonly spec: PodSpec;
  readonly application: Container;
  readonly sidecar: Container | null;
  /** What an operator did to it: `slow`, `broken`, `paused`; '' for nothing. For display. */
  fault = '';
  private current: PodPhase = 'starting';
  private withdrawn = false;
  private failures = 0;
  private probeTimer: ReturnType<typeof setTimeout> | null = null;
  private readonly onPhase: (pod: Pod) => void;
  private readonly slicePath: string;

  constructor(spec: PodSpec, machine: Machine, onPhase: (pod: Pod) => void) {
    this.spec = spec;
    this.onPhase = onPhase;
    this.slicePath = join(spec.sliceFolder, `${spec.name}.yaml`);
    const watcher = { onContainerExit: () => this.onContainerExit() };
    const { place, application, sidecar } = spec;
    const enter = (role: ProcessRole) => (command: readonly string[]) => place.command(command, role);
    this.application = new Container({ ...application, enter: enter('application') }, machine, watcher);
    this.sidecar =
      sidecar === null ? null : new Container({ ...sidecar, enter: enter('proxy') }, machine, watcher);
  }

  /** By way of the sidecar, where there is one. */
  get healthUrl(): string {
    const { address, port } = this.spec.place;
    return `http://${address}:${port}/healthz`;
  }

  get phase(): PodPhase {
    return this.current;
  }

  get restarts(): number {
    return this.application.restarts + (this.sidecar?.restarts ?? 0);
  }

  /** Rejects where its network cannot be made. */
  async start(): Promise<void> {
    await this.spec.place.open();
    if (this.current === 'gone') return await this.spec.place.close();
    this.sidecar?.start();
    this.application.start();
    this.scheduleProbe();
  }

  /** SIGKILL, as an out-of-memory killer would. The supervisor starts again what died. */
  kill(what: 'application' | 'all'): void {
    if (what === 'all') this.sidecar?.signal('SIGKILL');
    this.application.signal('SIGKILL');
  }

  /** Keeps a running pod out of its Service, as a readiness gate would, until it is let in again. */
  setWithdrawn(withdrawn: boolean): void {
    this.withdrawn = withdrawn;
    if (this.current === 'ready' && withdrawn) this.enter('unready');
    this.scheduleProbe();
  }

  /**
   * Out of its Service first, then the application, then the sidecar: nobody is left without an answer or a way to ask.
   */
  async terminate(): Promise<void> {
    this.enter('terminating');
    if (this.probeTimer !== null) clearTimeout(this.probeTimer);
    await Bun.sleep(preStopMs);
    await this.application.stop();
    await this.sidecar?.stop();
    await this.spec.place.close();
    this.enter('gone');
  }

  /** Ends both at once; for the end of the demo. */
  async stop(): Promise<void> {
    if (this.probeTimer !== null) clearTimeout(this.probeTimer);
    this.current = 'gone';
    await Promise.all([this.application.stop(), this.sidecar?.stop()]);
    await this.spec.place.close();
  }

  private onContainerExit(): void {
    this.fault = '';
    // A kubelet sees the exit itself and does not wait for a probe.
    if (this.current === 'ready') this.enter('unready');
    this.scheduleProbe();
  }

  private scheduleProbe(): void {
    if (this.probeTimer !== null) clearTimeout(this.probeTimer);
    const delayMs = this.current === 'ready' ? probeIntervalMs.running : probeIntervalMs.starting;
    this.probeTimer = setTimeout(() => void this.probe(), delayMs);
  }

  private async probe(): Promise<void> {
    const healthy = this.allRunning() && !this.withdrawn && (await this.answers());
    if (this.current === 'terminating' || this.current === 'gone') return;
    this.failures = healthy ? 0 : this.failures + 1;
    if (healthy && this.current !== 'ready' && this.allRunning() && !this.withdrawn) this.enter('ready');
    if (this.current === 'ready' && this.failures >= probeFailuresMax) this.enter('unready');
    this.scheduleProbe();
  }

  private allRunning(): boolean {
    return this.application.running && this.sidecar?.running !== false;
  }

  /** Through the sidecar's inbound side to the application, the way every request will take. */
  private async answers(): Promise<boolean> {
    try {
      const response = await fetch(this.healthUrl, {
        headers: { host: this.spec.service },
        keepalive: false,
        signal: AbortSignal.timeout(probeTimeoutMs),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }

  private enter(phase: PodPhase): void {
    this.current = phase;
    if (phase === 'gone') removeFile(this.slicePath);
    else this.writeSlice();
    this.onPhase(this);
  }

  private writeSlice(): void {
    const { name, service, namespace, place, node, sidecar } = this.spec;
    const slice = encodeEndpointSlice({
      pod: name,
      service,
      namespace,
      address: place.address,
      port: place.port,
      node,
      proxied: sidecar !== null,
      ready: this.current === 'ready' || this.current === 'terminating',
      terminating: this.current === 'terminating',
    });
    writeFileAtomic(this.slicePath, slice);
  }
}
