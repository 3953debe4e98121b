// `weft load`: open-loop load against one URL, several, or a scenario file.

import { randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  type Arrivals,
  createFixedRequests,
  createPrecisePacer,
  type FixedRequest,
  formatReport,
  type LoadInterval,
  type LoadRun,
  loadLimits,
  parseScenario,
  type RequestSpec,
  type ScenarioRequest,
  startLoad,
} from '../load/index.ts';
import { type Address, createBunNetwork, createSystemClock, createSystemRandom } from '../net/index.ts';
import { type CliCommand, Exit, exitCode, exitWithIssues } from './command.ts';

/** Flags that describe one request: a scenario has them in its file. */
const requestFlags = ['method', 'header', 'body', 'bodyFile', 'idempotencyKey', 'status', 'grpc'] as const;

interface LoadFlags {
  readonly rate: number;
  readonly duration: number;
  readonly warmup: number;
  readonly connections: number;
  readonly timeout: number;
  readonly http2?: true;
  readonly streams: number;
  readonly grpc?: true;
  readonly arrivals: Arrivals;
  readonly method?: string;
  readonly header: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly bodyFile?: string;
  readonly idempotencyKey?: true;
  readonly status: string;
  readonly scenario?: string;
  readonly json?: true;
  readonly progress?: true;
}

export const command: CliCommand = new Command('load')
  .description(
    'Send requests at a fixed rate, however slow the answers are, and report latencies from when each was due.',
  )
  .argument('[url...]', 'http://HOST:PORT/PATH; several take turns at random')
  .option('--rate <n>', 'requests a second', parseNumber(0.001, loadLimits.rateMax), 100)
  .addOption(timeOption('--duration <time>', 'how long to measure: 10s, 500ms, 5m', '10s', parseSomeTime))
  .addOption(timeOption('--warmup <time>', 'load before that is not measured', '0s', parseTime))
  .option('--connections <n>', 'connections to each host', parseWhole(1, loadLimits.connectionsMax), 16)
  .addOption(
    timeOption('--timeout <time>', 'from when a request is due to its whole response', '10s', parseSomeTime),
  )
  .addOption(
    new Option('--arrivals <kind>', 'evenly spaced, or random')
      .choices(['constant', 'poisson'])
      .default('constant'),
  )
  .option('--http2', 'speak HTTP/2, by prior knowledge')
  .option(
    '--streams <n>',
    'requests at once on each connection of HTTP/2',
    parseWhole(1, loadLimits.streamsMax),
    16,
  )
  .option('--grpc', 'calls of gRPC: the body is the message, and grpc-status says what is a success')
  .option('--method <method>', 'GET, or POST with a body')
  .option('--header <line>', "'Name: value'; may be repeated", collectHeader, [])
  .option('--body <text>', 'body of each request')
  .option('--body-file <path>', 'the same from a file')
  .option('--idempotency-key', 'give each request an idempotency-key of its own')
  .option('--status <list>', 'statuses that are successes', '200-399')
  .option('--scenario <path>', 'YAML or JSON with weighted requests, instead of URLs')
  .option('--progress', 'one line a second on standard error')
  .option('--json', 'print the report as JSON')
  .action(run);

async function run(urls: readonly string[], flags: LoadFlags, self: Command): Promise<void> {
  refuseMixed(flags, self);
  const requests = readRequests(urls, flags);
  const { targets, fixed } = await resolveTargets(requests);
  const [clock, random] = [createSystemClock(), createSystemRandom()];
  const load = startLoad({
    clock,
    random,
    network: createBunNetwork(),
    pacer: createPrecisePacer(() => clock.now()),
    targets,
    maker: createFixedRequests(fixed, randomUUID(), random),
    ratePerSecond: flags.rate,
    arrivals: flags.arrivals,
    durationMs: flags.duration,
    warmupMs: flags.warmup,
    connections: flags.connections,
    streams: flags.http2 || fixed.some(({ grpc }) => grpc) ? flags.streams : 0,
    timeoutMs: flags.timeout,
    observer: flags.progress ? { onInterval: printInterval } : null,
    intervalMs: 1000,
  });
  const stopListening = stopOnSignal(load);
  const report = await load.done;
  stopListening();
  console.log(flags.json ? JSON.stringify(report, null, 2) : formatReport(report));
  if (report.failed > 0) throw new Exit(exitCode.notFine);
}

/** The first signal ends the run with its report, the second one at once. */
function stopOnSignal(load: LoadRun): () => void {
  let asked = false;
  const stop = (): void => {
    if (asked) process.exit(exitCode.notFine);
    asked = true;
    load.stop();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return () => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
}

function printInterval({ endMs, succeeded, failed, latencyMs }: LoadInterval): void {
  const times =
    latencyMs === null
      ? 'no latency: none succeeded'
      : `p50 ${latencyMs.p50} ms  p99 ${latencyMs.p99} ms  max ${latencyMs.max} ms`;
  console.error(
    `${(endMs / 1000).toFixed(0).padStart(5)} s  ${succeeded} succeeded  ${failed} failed  ${times}`,
  );
}

function readRequests(urls: readonly string[], flags: LoadFlags): readonly ScenarioRequest[] {
  if ((urls.length === 0) === (flags.scenario === undefined))
    throw new Exit(exitCode.usage, 'weft load: give a URL, several, or --scenario');
  const document =
    flags.scenario === undefined
      ? { requests: urls.map((url) => specOf(url, flags)) }
      : parseYaml(new TextDecoder().decode(readBytes(flags.scenario)), flags.scenario);
  const parsed = parseScenario(document, flags.scenario ?? 'weft load');
  return parsed.ok ? parsed.value : exitWithIssues(parsed.error);
}

/** Two flags of which one would be dropped in silence. */
function refuseMixed(flags: LoadFlags, self: Command): void {
  if (flags.body !== undefined && flags.bodyFile !== undefined)
    throw new Exit(exitCode.usage, 'weft load: give --body or --body-file');
  if (flags.scenario === undefined) return;
  const given = requestFlags.filter((flag) => self.getOptionValueSource(flag) === 'cli');
  const names = given.map((flag) => `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  if (names.length > 0)
    throw new Exit(exitCode.usage, `weft load: ${names.join(', ')}: a scenario says this in its file`);
}

function specOf(url: string, flags: LoadFlags): RequestSpec {
  const body = flags.bodyFile === undefined ? flags.body : readBytes(flags.bodyFile);
  return {
    url: url.includes('://') ? url : `http://${url}`,
    method: flags.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: flags.header.map(([name, value]): [string, string] => [name, value]),
    body: body ?? null,
    idempotencyKey: flags.idempotencyKey === true,
    status: flags.status,
    grpc: flags.grpc === true,
  };
}

function readBytes(path: string): Uint8Array<ArrayBuffer> {
  try {
    const bytes = readFileSync(path);
    if (bytes.length <= loadLimits.bodyBytesMax) return new Uint8Array(bytes);
  } catch (cause) {
    throw new Exit(exitCode.usage, `weft load: ${path} cannot be read: ${String(cause)}`);
  }
  throw new Exit(exitCode.usage, `weft load: ${path} has more than ${loadLimits.bodyBytesMax} bytes`);
}

function parseYaml(text: string, path: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch (cause) {
    throw new Exit(exitCode.usage, `weft load: ${path} is not YAML: ${String(cause)}`);
  }
}

/** Names are looked up once, before the run. */
async function resolveTargets(
  requests: readonly ScenarioRequest[],
): Promise<{ readonly targets: readonly Address[]; readonly fixed: readonly FixedRequest[] }> {
  const names = [...new Set(requests.map(({ host, port }) => `${host} ${port}`))];
  const targets = await Promise.all(
    names.map((name) => resolveTarget(name.split(' ')[0]!, Number(name.split(' ')[1]))),
  );
  const fixed = requests.map(({ host, port, ...request }) => ({
    ...request,
    target: names.indexOf(`${host} ${port}`),
  }));
  return { targets, fixed };
}

async function resolveTarget(host: string, port: number): Promise<Address> {
  if (isIP(host) !== 0) return { kind: 'ip', host, port };
  try {
    const { address } = await lookup(host);
    return { kind: 'ip', host: address, port };
  } catch {
    throw new Exit(exitCode.usage, `weft load: ${host} has no address`);
  }
}

function parseNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= from && value <= to) return value;
    throw new InvalidArgumentError(`must be ${from} to ${to}`);
  };
}

function parseWhole(from: number, to: number): (text: string) => number {
  const parse = parseNumber(from, to);
  return (text) => {
    const value = parse(text);
    if (Number.isInteger(value)) return value;
    throw new InvalidArgumentError('must be a whole number');
  };
}

/** The default is shown as it would be typed. */
function timeOption(
  flags: string,
  description: string,
  standard: string,
  parse: (text: string) => number,
): Option {
  return new Option(flags, description).argParser(parse).default(parse(standard), standard);
}

/** A time that cannot be none. */
function parseSomeTime(text: string): number {
  const valueMs = parseTime(text);
  if (valueMs > 0) return valueMs;
  throw new InvalidArgumentError('must be more than 0');
}

/** Gateway API durations (GEP-2257) with a fraction allowed, and plain seconds; in milliseconds. */
function parseTime(text: string): number {
  const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  const parts = /^\d+(\.\d+)?$/.test(text) ? [`${text}s`] : (text.match(/\d+(\.\d+)?(ms|h|m|s)/g) ?? []);
  const valueMs = parts.reduce((sum, part) => {
    const [, number, , unit] = /^(\d+(\.\d+)?)(ms|h|m|s)$/.exec(part) ?? [];
    return sum + Number(number) * (unitMs[unit ?? ''] ?? Number.NaN);
  }, 0);
  const whole = parts.join('') === text || parts.join('') === `${text}s`;
  if (whole && parts.length > 0 && valueMs <= loadLimits.durationMsMax) return valueMs;
  throw new InvalidArgumentError('must be a time as 10s, 500ms or 5m, at most 7 days');
}

function collectHeader(
  line: string,
  before: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const colon = line.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError("must be 'Name: value'");
  return [...before, [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]];
}
