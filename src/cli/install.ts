// `weft install`: prints what a cluster needs to run the mesh, for `kubectl apply -f -`, or writes it as a Helm chart.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';
import {
  cniFolders,
  createChart,
  createInstallation,
  type InstallOptions,
  installReplicasMax,
} from '../deploy/index.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import { revisionOption } from './revision.ts';
import { version } from './version.ts';

interface InstallFlags extends Pick<InstallOptions, 'image' | 'namespace' | 'revision' | 'replicas'> {
  readonly agents?: true;
  readonly cni?: true;
  readonly cniBinDir: string;
  readonly cniConfigDir: string;
  readonly monitors?: true;
  readonly chart?: string;
  readonly webhook?: true;
  readonly webhookCert?: string;
  readonly webhookKey?: string;
  readonly webhookCa?: string;
}

function run(flags: InstallFlags): void {
  if (flags.chart === undefined) printObjects(flags);
  else writeChart(flags.chart);
}

function printObjects(flags: InstallFlags): void {
  const { image, namespace, revision, replicas } = flags;
  const agents = flags.agents === true;
  const monitors = flags.monitors === true;
  const webhook = readCertificate(flags);
  const cni = flags.cni === true ? { bin: flags.cniBinDir, config: flags.cniConfigDir } : null;
  const objects = createInstallation({
    image,
    namespace,
    revision,
    replicas,
    agents,
    cni,
    webhook,
    monitors,
  });
  // No aliases: what is said twice is written twice, so that a line can be changed alone.
  // YAML 1.1 is what kubectl reads: there a plain `on` is true.
  const options = { aliasDuplicateObjects: false, version: '1.1' } as const;
  const text = objects.map((object) => stringify(object, options)).join('---\n');
  process.stdout.write(text);
}

function writeChart(folder: string): void {
  try {
    for (const [path, text] of createChart(version)) {
      const target = join(folder, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, text);
    }
  } catch (cause) {
    throw new Exit(exitCode.usage, `weft install: --chart ${folder} cannot be written: ${String(cause)}`);
  }
}

function readCertificate({
  webhook,
  webhookCert,
  webhookKey,
  webhookCa,
}: InstallFlags): InstallOptions['webhook'] {
  if (webhookCert === undefined && webhookKey === undefined && webhookCa === undefined)
    return webhook === true ? 'kept' : null;
  if (webhookCert === undefined || webhookKey === undefined)
    throw new Exit(exitCode.usage, 'weft install: the webhook wants --webhook-cert and --webhook-key');
  return { cert: readPem(webhookCert), key: readPem(webhookKey), ca: readPem(webhookCa ?? webhookCert) };
}

function readPem(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    if (text.includes('-----BEGIN ')) return text;
  } catch (cause) {
    throw new Exit(exitCode.usage, `weft install: ${path} cannot be read: ${String(cause)}`);
  }
  throw new Exit(exitCode.usage, `weft install: ${path} is not PEM`);
}

function parseReplicas(text: string): number {
  const replicas = Number(text);
  if (Number.isInteger(replicas) && replicas >= 1 && replicas <= installReplicasMax) return replicas;
  throw new InvalidArgumentError(`must be 1 to ${installReplicasMax}`);
}

export const command: CliCommand = new Command('install')
  .description('Print what a cluster needs to run the mesh: weft install | kubectl apply -f -')
  .option('--image <name>', 'of Weft', `weft:${version}`)
  .option('--namespace <name>', 'for the control plane', 'weft-system')
  .addOption(revisionOption('beside others, for the namespaces with the label weft.dev/rev=NAME'))
  .option('--replicas <n>', 'of the control plane', parseReplicas, 2)
  .option('--agents', 'a proxy on every node too')
  .option('--cni', 'a CNI plugin on every node too, so that injected pods need no rights')
  .option('--cni-bin-dir <folder>', "with --cni: the nodes' plugins", cniFolders.bin)
  .option('--cni-config-dir <folder>', "with --cni: the nodes' networks", cniFolders.config)
  .option('--monitors', 'PodMonitors for the Prometheus operator too, whose definitions must be there')
  .option(
    '--chart <folder>',
    'write a Helm chart there instead; its values take the place of the other options',
  )
  .option('--webhook', 'inject pods of labelled namespaces; the control plane makes the certificate for it')
  .option(
    '--webhook-cert <file>',
    'the same by a certificate of somebody else, PEM, for weft-inject[-REVISION].NAMESPACE.svc',
  )
  .option('--webhook-key <file>', 'and its key')
  .option('--webhook-ca <file>', 'who signed it (default: itself)')
  .action(run);
