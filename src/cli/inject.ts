// `weft inject`: sidecars into manifests, from files or standard input; or the same as a mutating webhook.

import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import {
  certificateReadMs,
  hasNativeSidecars,
  type InjectOptions,
  injectManifests,
  type KubernetesVersion,
  meshPorts,
  parseKubernetesVersion,
  WebhookServer,
  type WebhookServerOptions,
  xdsAddress,
} from '../deploy/index.ts';
import { createJsonLog } from '../observe/index.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import { openInjectCluster } from './inject-cluster.ts';
import { revisionOption } from './revision.ts';
import { untilSignal } from './until-signal.ts';
import { version } from './version.ts';

interface InjectFlags {
  readonly image: string;
  readonly xds?: string;
  readonly revision: string;
  readonly kubernetesVersion?: KubernetesVersion;
  readonly cni?: true;
  readonly webhook?: true;
  readonly listen: string;
  readonly metrics?: string;
  readonly cert?: string;
  readonly key?: string;
}

async function run(paths: readonly string[], flags: InjectFlags): Promise<void> {
  if (flags.webhook === true) return await serve(flags);
  const texts = (paths.length === 0 ? ['-'] : paths).map(read);
  const nativeSidecars = isNative(flags.kubernetesVersion ?? null);
  const done = injectManifests(texts.join('\n---\n'), { ...injectOptions(flags), nativeSidecars });
  for (const line of done.faults) console.error(`weft inject: ${line}`);
  if (done.faults.length > 0) throw new Exit(exitCode.notFine);
  process.stdout.write(done.text);
  for (const line of done.left) console.error(`left as it is: ${line}`);
  for (const line of done.notes) console.error(`note: ${line}`);
  console.error(`${done.injected} injected, ${done.left.length} left as they are`);
}

function injectOptions({
  image,
  revision,
  cni,
  xds = xdsAddress('weft-system', revision),
}: InjectFlags): InjectOptions {
  return { image, xds, revision, cni: cni === true };
}

function read(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (cause) {
    throw new Exit(exitCode.usage, `weft inject: ${path} cannot be read: ${String(cause)}`);
  }
}

/** Until SIGTERM. The API server asks over TLS only. */
async function serve(flags: InjectFlags): Promise<void> {
  const { cert, key } = flags;
  if (cert === undefined || key === undefined)
    throw new Exit(exitCode.usage, 'weft inject: --webhook wants --cert and --key');
  const [host, port] = parseListen('--listen', flags.listen);
  const metricsPort = flags.metrics === undefined ? null : parseListen('--metrics', flags.metrics)[1];
  const log = createJsonLog('info', { write: (line) => void process.stderr.write(line) });
  // Before anything is waited for.
  const told = untilSignal();
  const cluster = await openInjectCluster(log);
  const kubernetes = flags.kubernetesVersion ?? (await cluster?.askVersion()) ?? null;
  const inject = { ...injectOptions(flags), nativeSidecars: isNative(kubernetes) };
  const wishes = cluster?.wishes ?? null;
  const server = open({ host, port, metricsPort, cert, key, log, inject, wishes });
  const timer = setInterval(() => void server.renew(), certificateReadMs);
  await told;
  clearInterval(timer);
  await server.stop();
  process.exit(exitCode.fine);
}

/** Of a version that nobody told, the newest is taken. */
function isNative(version: KubernetesVersion | null): boolean {
  return version === null || hasNativeSidecars(version);
}

function parseVersion(text: string): KubernetesVersion {
  const version = parseKubernetesVersion(text);
  if (version === null) throw new InvalidArgumentError('must be a version as 1.28');
  return version;
}

function open(options: WebhookServerOptions): WebhookServer {
  try {
    return new WebhookServer(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Exit(exitCode.usage, `weft inject: the webhook cannot be served: ${reason}`);
  }
}

function parseListen(option: string, text: string): readonly [host: string, port: number] {
  const [, host, port] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  if (host !== undefined && Number(port) <= 65_535) return [host, Number(port)];
  throw new Exit(exitCode.usage, `weft inject: ${option} must be HOST:PORT (got ${text})`);
}

export const command: CliCommand = new Command('inject')
  .description(
    'Put a sidecar into every pod of the manifests, and print them. ServicePolicies and Services among them say what sidecars get; those of a cluster are asked by the webhook alone.',
  )
  .argument('[path...]', 'files, or - for standard input')
  .option('--image <name>', 'of Weft', `weft:${version}`)
  .option(
    '--xds <address>',
    `the control plane: HOST:PORT (default: ${xdsAddress('weft-system', '')}, or its revision)`,
  )
  .addOption(revisionOption('of the control plane'))
  .option(
    '--kubernetes-version <version>',
    'that the pods are for, as 1.28: before 1.29 the sidecar is an ordinary container (default: the newest; the webhook asks)',
    parseVersion,
  )
  .option(
    '--cni',
    "the nodes' CNI plugin (weft install --cni) sets the rules, and no container needs NET_ADMIN",
  )
  .option('--webhook', 'serve POST /inject to the API server instead')
  .option('--listen <address>', 'where the webhook listens', `0.0.0.0:${meshPorts.webhook}`)
  .option('--metrics <address>', 'where it tells what it did, in plain text (default: nowhere)')
  .option('--cert <file>', "the webhook's certificate, PEM; read again when it changes")
  .option('--key <file>', 'and its key')
  .action(run);
