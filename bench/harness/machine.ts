// What the figures were measured on: without it they say nothing.

import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly system: string;
  readonly bun: string;
  /** By program: the first line it says about its version. */
  readonly programs: Readonly<Record<string, string>>;
}

const versions: readonly (readonly string[])[] = [
  ['envoy', '--version'],
  ['haproxy', '-v'],
  ['nginx', '-v'],
  ['wrk', '-v'],
];

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system: /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown',
    bun: Bun.version,
    programs: Object.fromEntries(versions.map((command) => [command[0]!, firstLine(command)])),
  };
}

function firstLine(command: readonly string[]): string {
  if (Bun.which(command[0]!) === null) return 'not installed';
  const { stdout, stderr } = Bun.spawnSync([...command]);
  const lines = `${stdout}${stderr}`.split('\n').map((line) => line.trim());
  const line = lines.find((one) => one !== '') ?? 'unknown';
  // Envoy begins with where it lies, which is this machine's affair.
  return line.replace(/^\/\S+\s+/, '');
}
