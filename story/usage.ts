// What the cluster's programs cost: the containers of the rig are processes of this machine, and the kubelet tells each
// the name of its pod.

import { readdirSync, readFileSync } from 'node:fs';
import { readCpuSeconds, readMemory } from '../src/demo/machine/usage.ts';

export type Part = 'service' | 'sidecar' | 'agent' | 'gateway' | 'control' | 'envoy';

/** Of all processes of one part. */
export interface PartUsage {
  readonly processes: number;
  /** Of a core, all of them together. */
  readonly corePercent: number;
  /** Proportional set size of one, in the mean. */
  readonly megabytes: number;
}

export type Usage = Readonly<Partial<Record<Part, PartUsage>>>;

/** What they use in `windowMs` from now. `weft`: path of the program that the mesh's images stand for. */
export async function measureUsage(weft: string, windowMs: number): Promise<Usage> {
  const parts = Map.groupBy(listProcesses(weft), ({ part }) => part);
  const pids = [...parts.values()].flat().map(({ pid }) => pid);
  const [before, beganMs] = [await readCpuSeconds(pids), performance.now()];
  await Bun.sleep(windowMs);
  const [after, seconds] = [await readCpuSeconds(pids), (performance.now() - beganMs) / 1000];
  const usage: Partial<Record<Part, PartUsage>> = {};
  for (const [part, processes] of parts) {
    const used = processes.map(({ pid }) => Math.max(0, (after.get(pid) ?? 0) - (before.get(pid) ?? 0)));
    const memory = [...(await readMemory(processes.map(({ pid }) => pid))).values()];
    usage[part] = {
      processes: processes.length,
      corePercent: (100 * sum(used)) / seconds,
      megabytes: sum(memory) / Math.max(1, memory.length) / 1e6,
    };
  }
  return usage;
}

interface PartProcess {
  readonly pid: number;
  readonly part: Part;
}

function* listProcesses(weft: string): Generator<PartProcess> {
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const part = partOf(readProcess(pid, 'cmdline'), readProcess(pid, 'environ'), weft);
    if (part !== null) yield { pid, part };
  }
}

/** null: no process of a pod of the story. */
export function partOf(
  command: readonly string[],
  environment: readonly string[],
  weft: string,
): Part | null {
  if (!environment.some((line) => line.startsWith('KUBERNETES_SERVICE_HOST='))) return null;
  if (environment.includes('FAULTS=none')) return 'service';
  const [program = '', verb] = command;
  if (/(^|\/)envoy$/.test(program)) return 'envoy';
  // The next version is the same program under another name.
  if (program !== weft && program !== `${weft}-next`) return null;
  if (verb === 'control') return 'control';
  if (verb !== 'proxy') return null;
  const pod = environment.find((line) => line.startsWith('HOSTNAME=')) ?? '';
  if (pod.includes('weft-agent') || pod.includes('kubenet-')) return 'agent';
  return pod.includes('edge-weft') ? 'gateway' : 'sidecar';
}

function readProcess(pid: number, file: 'cmdline' | 'environ'): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
