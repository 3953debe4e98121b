// `weft logs`: what a proxy, a replica of the control plane or of the webhook writes, through the API server.

import { Command, InvalidArgumentError } from 'commander';
import { type ClusterFlags, openCluster, orExit, withCluster } from './cluster.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import { findProxy, proxyArgument } from './find-proxy.ts';

interface LogsFlags extends ClusterFlags {
  readonly follow?: true;
  readonly previous?: true;
  readonly tail?: number;
  readonly since?: number;
}

const words = 'weft logs';
const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

async function run(name: string, flags: LogsFlags): Promise<void> {
  const cluster = openCluster(flags, words);
  const { namespace, name: pod, container } = await findProxy(cluster, words, name, flags);
  const query = new URLSearchParams({ container });
  if (flags.follow === true) query.set('follow', 'true');
  if (flags.previous === true) query.set('previous', 'true');
  if (flags.tail !== undefined) query.set('tailLines', String(flags.tail));
  if (flags.since !== undefined) query.set('sinceSeconds', String(flags.since));
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/log?${query}`;
  const response = orExit(words, await cluster.openText(path, new AbortController().signal));
  if (!response.ok)
    throw new Exit(exitCode.notFine, `${words}: ${response.status} ${(await response.text()).slice(0, 500)}`);
  // The reader's pace is that of the API server's connection: nothing is gathered here.
  for await (const bytes of response.body ?? []) await Bun.write(Bun.stdout, bytes);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new InvalidArgumentError('must be a number of lines');
}

function parseSince(text: string): number {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (secondsOf[unit] ?? 0);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError('must be as 30s, 5m, 2h, 1d');
}

export const command: CliCommand = withCluster(
  new Command('logs')
    .description('Print the log of a proxy, or of a pod of the control plane or the webhook.')
    .addArgument(proxyArgument),
)
  .option('-f, --follow', 'go on as it is written')
  .option('-p, --previous', 'of the container before, which ended')
  .option('--tail <lines>', 'its last lines alone', parseCount)
  .option('--since <time>', 'what is younger than 30s, 5m, 2h, 1d', parseSince)
  .action(run);
