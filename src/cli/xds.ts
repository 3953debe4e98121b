// `weft xds`: what each proxy has taken of the control plane's configuration, what it refused, and since when.

import { Command, InvalidArgumentError } from 'commander';
import type { LoadView, MeshView, ProxyView } from '../control/index.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import { formatAge } from './table.ts';
import { diff, dump, shortTypes } from './xds-resources.ts';

interface StatusFlags {
  readonly url: string;
  readonly json?: true;
}

/** Time for the control plane to answer. */
const answerWaitMs = 10_000;

async function readMesh(url: string): Promise<MeshView> {
  const address = new URL('/api/v1/mesh', url);
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(answerWaitMs) });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    return (await response.json()) as MeshView;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Exit(exitCode.notFine, `weft xds: the control plane at ${url} cannot be asked: ${reason}`);
  }
}

async function status(names: readonly string[], flags: StatusFlags): Promise<void> {
  const { proxies, atMs } = await readMesh(flags.url);
  const asked = names.length === 0 ? proxies : proxies.filter(({ node }) => names.includes(node));
  const missing = names.find((name) => !proxies.some(({ node }) => node === name));
  if (missing !== undefined) throw new Exit(exitCode.notFine, `weft xds: no proxy is called ${missing}`);
  if (flags.json === true) console.log(JSON.stringify(asked, null, 2));
  else for (const line of describeProxies(asked, atMs)) console.log(line);
  if (asked.some(({ nacks }) => nacks.length > 0)) throw new Exit(exitCode.notFine, '');
}

/** A line for each proxy, and one for each thing that it refused. */
export function describeProxies(proxies: readonly ProxyView[], atMs: number): readonly string[] {
  const width = Math.max(5, ...proxies.map(({ node }) => node.length));
  const lines = [`${'PROXY'.padEnd(width)}  SINCE   STATUS`];
  for (const { node, connected, connectedAtMs, lastSeenAtMs, types, nacks, load } of proxies) {
    const states = types.map(({ typeUrl, status: state, ageMs }) => {
      const type = typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
      const age = state === 'STALE' && ageMs >= 0 ? ` for ${formatAge(ageMs)}` : '';
      return `${shortTypes[type] ?? type} ${state}${age}`;
    });
    const since = formatAge(atMs - (connected ? connectedAtMs : lastSeenAtMs));
    lines.push(`${node.padEnd(width)}  ${since.padEnd(6)}  ${connected ? states.join(', ') : 'gone'}`);
    if (load) lines.push(`${' '.repeat(width)}  ${describeLoad(load, atMs)}`);
    for (const { resource, part, message, atMs: sinceMs } of nacks) {
      const what = part === '' ? resource : `${resource}, ${part}`;
      lines.push(`${' '.repeat(width)}  refused for ${formatAge(atMs - sinceMs)}: ${what}: ${message}`);
    }
  }
  return lines;
}

function describeLoad(load: LoadView, atMs: number): string {
  const { streams, issued, succeeded, failed, dropped, inProgress, reportedAtMs } = load;
  if (reportedAtMs === 0) return 'load: none reported yet';
  const age = formatAge(atMs - reportedAtMs);
  const counts = `${issued} requests, ${succeeded} ok, ${failed} failed, ${dropped} dropped, ${inProgress} open`;
  return `load: ${counts}, ${age} ago${streams > 1 ? `, by ${streams} clients` : ''}`;
}

const adminUrl = 'http://127.0.0.1:15014';

function parseUrl(text: string): string {
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text;
  throw new InvalidArgumentError('must be like http://127.0.0.1:15014');
}

export const command: CliCommand = new Command('xds')
  .description("Show what proxies have taken of the control plane's configuration, and what they refused.")
  .addCommand(
    new Command('status')
      .description('A line for each proxy; exits with 1 when one of them refuses something.')
      .argument('[node...]', 'ids of proxies; all by default')
      .option('--url <url>', "the control plane's admin port", parseUrl, adminUrl)
      .option('--json', 'as JSON')
      .action(status),
  )
  .addCommand(
    new Command('diff')
      .description(
        'What a proxy has otherwise than it is served, value by value; exits with 1 when there is any.',
      )
      .argument('<node>', 'id of a proxy')
      .option('--type <type>', 'of one type: CDS, EDS, LDS, RDS')
      .option('--name <name>', 'of one resource')
      .option('--url <url>', "the control plane's admin port", parseUrl, adminUrl)
      .option('--json', 'as JSON')
      .action(diff),
  )
  .addCommand(
    new Command('dump')
      .description('All that a proxy is served, as JSON, and its state resource by resource.')
      .argument('<node>', 'id of a proxy')
      .option('--type <type>', 'of one type: CDS, EDS, LDS, RDS')
      .option('--name <name>', 'of one resource')
      .option('--url <url>', "the control plane's admin port", parseUrl, adminUrl)
      .action(dump),
  );
