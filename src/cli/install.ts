// `weft install`: prints what a cluster needs to run the mesh, for `kubectl apply -f -`.

import { Command, InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';
import { createInstallation, type InstallOptions } from '../deploy/index.ts';
import type { CliCommand } from './command.ts';
import { version } from './version.ts';

function run(flags: Omit<InstallOptions, 'agents'> & { readonly agents?: true }): void {
  const objects = createInstallation({ ...flags, agents: flags.agents === true });
  // No aliases: what is said twice is written twice, so that a line can be changed alone.
  // YAML 1.1 is what kubectl reads: there a plain `on` is true.
  const options = { aliasDuplicateObjects: false, version: '1.1' } as const;
  const text = objects.map((object) => stringify(object, options)).join('---\n');
  process.stdout.write(text);
}

function parseReplicas(text: string): number {
  const replicas = Number(text);
  if (Number.isInteger(replicas) && replicas >= 1 && replicas <= 20) return replicas;
  throw new InvalidArgumentError('must be 1 to 20');
}

export const command: CliCommand = new Command('install')
  .description('Print what a cluster needs to run the mesh: weft install | kubectl apply -f -')
  .option('--image <name>', 'of Weft', `weft:${version}`)
  .option('--namespace <name>', 'for the control plane', 'weft-system')
  .option('--replicas <n>', 'of the control plane', parseReplicas, 2)
  .option('--agents', 'a proxy on every node too')
  .action(run);
