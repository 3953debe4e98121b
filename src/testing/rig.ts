// A real Kubernetes on this machine, from the rig whose folder `WEFT_KUBENET` names. Its commands are up, down,
// load-image, forward and netexec; the containers of a pod are programs of this machine.

import { describe } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSkipped, freePort, type Output, run } from './programs.ts';

/** '' where there is no rig. */
export const rigFolder = process.env['WEFT_KUBENET'] ?? '';

/** Without a rig it is skipped, in CI too: the machine may have none. */
export function describeOnCluster(name: string, body: () => void): void {
  if (rigFolder === '') describeSkipped('WEFT_KUBENET does not name a rig', name, body);
  else describe(name, body);
}

export class Rig {
  /** For what pods run and write: other users may read it. It is there from {@link up} to {@link down}. */
  readonly folder = join(tmpdir(), `weft-cluster-${randomUUID()}`);
  /** Folders of this machine that were not there. */
  private readonly made: string[] = [];

  async up(): Promise<void> {
    mkdirSync(this.folder, { mode: 0o755 });
    await this.sh(`${rigFolder}/up >/dev/null`);
  }

  async down(): Promise<void> {
    await this.shell(`${rigFolder}/down`);
    for (const path of this.made) rmdirSync(path);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Says which program an image stands for, and what its environment has. */
  async loadImage(
    name: string,
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const set = Object.entries(env).map(([key, value]) => `--env '${key}=${value}'`);
    await this.sh(`${rigFolder}/load-image ${set.join(' ')} '${name}' -- ${command.join(' ')}`);
  }

  /** Lays a folder over one of the nodes, whose files are otherwise this machine's, until {@link down}. */
  async layOver(path: string, own: string): Promise<void> {
    if (mkdirSync(path, { recursive: true }) !== undefined) this.made.push(path);
    await this.sh(`nsenter -t $(cat $KUBENET_DIR/pid) -m mount --bind '${own}' '${path}'`);
  }

  /** The port of this machine's loopback that leads to `HOST:PORT` in the cluster until {@link down}. */
  async forward(target: string): Promise<number> {
    const port = freePort();
    await this.sh(`${rigFolder}/forward ${port} ${target}`);
    return port;
  }

  /** What a script with the cluster's kubectl prints; throws with what it said where it fails. */
  async sh(script: string, input = ''): Promise<string> {
    const { code, out, err } = await this.shell(script, input);
    if (code !== 0) throw new Error(`${script}\n${out}${err}`);
    return out;
  }

  shell(script: string, input = ''): Promise<Output> {
    const cluster = join(this.folder, 'cluster');
    const setup = `export KUBENET_DIR=${cluster} KUBECONFIG=${cluster}/kubeconfig PATH=${cluster}/bin:$PATH`;
    return run(['bash', '-euo', 'pipefail', '-c', `${setup}\n${script}`], input);
  }
}
