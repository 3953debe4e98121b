// `weft load`: open-loop load against one URL, several, or a scenario file.

import { randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Clock } from '../base/index.ts';
import {
  type Arrivals,
  createFixedRequests,
  createPrecisePacer,
  createTargetTls,
  type FixedRequest,
  formatReport,
  type LoadInterval,
  type LoadRun,
  loadLimits,
  parseMessages,
  parseScenario,
  parseTime,
  type RequestSpec,
  type Scenario,
  type ScenarioRequest,
  startLoad,
  timeRule,
} from '../load/index.ts';
import {
  type Address,
  createBunNetwork,
  createSystemClock,
  createSystemRandom,
  type Network,
  parseText,
  type TlsClient,
} from '../net/index.ts';
import { type CliCommand, Exit, exitCode, exitWithIssues } from './command.ts';

/** Flags that describe one request: a scenario has them in its file. */
const requestFlags = [
  ...['method', 'header', 'body', 'bodyFile', 'idempotencyKey', 'status', 'grpc', 'proto', 'importPath'],
  ...['reflection', 'data', 'dataFile', 'messages', 'messageInterval', 'deadline'],
] as const;

interface LoadFlags {
  readonly rate: number;
  readonly duration: number;
  readonly warmup: number;
  readonly connections: number;
  readonly timeout: number;
  readonly http2?: true;
  readonly streams: number;
  readonly grpc?: true;
  readonly proto: readonly string[];
  readonly importPath: readonly string[];
  readonly reflection?: true;
  readonly data?: string;
  readonly dataFile?: string;
  readonly messages?: number;
  readonly messageInterval?: string;
  readonly deadline?: string;
  readonly arrivals: Arrivals;
  readonly method?: string;
  readonly header: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly bodyFile?: string;
  readonly idempotencyKey?: true;
  readonly status: string;
  readonly scenario?: string;
  readonly json?: true;
  readonly ca?: string;
  readonly insecure?: true;
  readonly cert?: string;
  readonly key?: string;
  readonly progress?: true;
}

export const command: CliCommand = new Command('load')
  .description(
    'Send requests at a fixed rate, however slow the answers are, and report latencies from when each was due.',
  )
  .argument('[url...]', 'http://HOST:PORT/PATH, or https://; several take turns at random')
  .option('--rate <n>', 'requests a second', parseNumber(0.001, loadLimits.rateMax), 100)
  .addOption(timeOption('--duration <time>', 'how long to measure: 10s, 500ms, 5m', '10s', parseSomeTime))
  .addOption(timeOption('--warmup <time>', 'load before that is not measured', '0s', parseTimeFlag))
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
  .option(
    '--proto <path>',
    'calls of gRPC by a .proto file: the URL ends in package.Service/Method',
    collect,
    [],
  )
  .option('--import-path <folder>', 'where its imports are; may be repeated', collect, [])
  .option('--reflection', 'the same by asking the server what its methods take')
  .option('--data <json>', 'the message as JSON; a list, or one a line, for several')
  .option('--data-file <path>', 'the same from a file, or from standard input: -')
  .option(
    '--messages <n>',
    'messages of each stream: those given, again and again',
    parseWhole(1, loadLimits.messagesMax),
  )
  .option('--message-interval <time>', 'wait before the next message of a stream')
  .option('--deadline <time>', 'of a call, from when it is sent: grpc-timeout')
  .option('--method <method>', 'GET, or POST with a body')
  .option('--header <line>', "'Name: value'; may be repeated", collectHeader, [])
  .option('--body <text>', 'body of each request')
  .option('--body-file <path>', 'the same from a file')
  .option('--idempotency-key', 'give each request an idempotency-key of its own')
  .option('--status <list>', 'statuses that are successes', '200-399')
  .option('--scenario <path>', 'YAML or JSON with weighted requests, instead of URLs')
  .option('--ca <path>', "PEM of the authorities that an https target is trusted by; default: the system's")
  .option('--insecure', 'trust any certificate of an https target')
  .option('--cert <path>', 'PEM of the certificate to show')
  .option('--key <path>', 'PEM of its key')
  .option('--progress', 'one line a second on standard error')
  .option('--json', 'print the report as JSON')
  .action(run);

async function run(urls: readonly string[], flags: LoadFlags, self: Command): Promise<void> {
  refuseMixed(flags, self);
  const scenario = readScenario(urls, flags);
  const hosts = await resolveTargets(scenario.requests);
  const [clock, random, network] = [createSystemClock(), createSystemRandom(), createBunNetwork()];
  const http2 = flags.http2 === true || scenario.requests.some(({ call }) => call !== null);
  const tls = readTls(scenario.requests, flags, { network, http2 });
  const requests = await planRequests(scenario, hosts, flags, { clock, network, tls });
  const targets = [...hosts.values()];
  const names = [...hosts.keys()];
  const fixed = requests.map(
    (request): FixedRequest => ({ ...request, target: names.indexOf(hostOf(request)) }),
  );
  const load = startLoad({
    clock,
    random,
    network,
    pacer: createPrecisePacer(() => clock.now()),
    targets,
    tls: names.map((name) => tls.get(name) ?? null),
    maker: createFixedRequests(fixed, randomUUID(), random),
    ratePerSecond: flags.rate,
    arrivals: flags.arrivals,
    durationMs: flags.duration,
    warmupMs: flags.warmup,
    connections: flags.connections,
    streams: http2 ? flags.streams : 0,
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

function readScenario(urls: readonly string[], flags: LoadFlags): Scenario {
  if ((urls.length === 0) === (flags.scenario === undefined))
    throw new Exit(exitCode.usage, 'weft load: give a URL, several, or --scenario instead of any');
  const document =
    flags.scenario === undefined
      ? {
          requests: urls.map((url) => specOf(url, flags)),
          proto: [...flags.proto],
          importPaths: [...flags.importPath],
          reflection: flags.reflection === true,
        }
      : parseYaml(new TextDecoder().decode(readBytes(flags.scenario)), flags.scenario);
  const parsed = parseScenario(document, flags.scenario ?? 'weft load');
  return parsed.ok ? parsed.value : exitWithIssues(parsed.error);
}

/** Calls whose messages are JSON need a compiler, which is loaded here alone. */
async function planRequests(
  { requests, descriptors }: Scenario,
  hosts: ReadonlyMap<string, Address>,
  flags: LoadFlags,
  system: {
    readonly clock: Clock;
    readonly network: Network;
    readonly tls: ReadonlyMap<string, TlsClient>;
  },
): Promise<readonly ScenarioRequest[]> {
  if (requests.every(({ json }) => json === null)) return requests;
  const { planCalls } = await import('../load/grpc/index.ts');
  const planned = await planCalls(requests, descriptors, {
    ...system,
    read: readText,
    addressOf: (request) => hosts.get(hostOf(request))!,
    tlsOf: (request) => system.tls.get(hostOf(request)) ?? null,
    object: flags.scenario ?? 'weft load',
  });
  return planned.ok ? planned.value : exitWithIssues(planned.error);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Two flags of which one would be dropped in silence. */
function refuseMixed(flags: LoadFlags, self: Command): void {
  if (flags.body !== undefined && flags.bodyFile !== undefined)
    throw new Exit(exitCode.usage, 'weft load: give --body or --body-file');
  if (flags.data !== undefined && flags.dataFile !== undefined)
    throw new Exit(exitCode.usage, 'weft load: give --data or --data-file');
  if (flags.proto.length > 0 && flags.reflection)
    throw new Exit(exitCode.usage, 'weft load: give --proto or --reflection');
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
    ...messageOf(flags),
    ...(flags.messages === undefined ? {} : { messages: flags.messages }),
    ...(flags.messageInterval === undefined ? {} : { messageInterval: flags.messageInterval }),
    ...(flags.deadline === undefined ? {} : { deadline: flags.deadline }),
  };
}

/** Without data the message is one with nothing in it. */
function messageOf(flags: LoadFlags): Pick<RequestSpec, 'message'> {
  const described = flags.proto.length > 0 || flags.reflection === true;
  if (!described && flags.data === undefined && flags.dataFile === undefined) return {};
  const file = flags.dataFile === '-' ? '/dev/stdin' : flags.dataFile;
  const text = file === undefined ? (flags.data ?? '{}') : new TextDecoder().decode(readBytes(file));
  const parsed = parseMessages(text, `weft load --data${file === undefined ? '' : '-file'}`);
  return parsed.ok ? { message: [...parsed.value] } : exitWithIssues([parsed.error]);
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
    return parseText(text);
  } catch (cause) {
    throw new Exit(
      exitCode.usage,
      `weft load: ${path} is not YAML: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
}

function hostOf({ secure, host, port }: ScenarioRequest): string {
  return `${secure ? 'https' : 'http'} ${host} ${port}`;
}

/** By {@link hostOf}; of targets in the clear, nothing. */
function readTls(
  requests: readonly ScenarioRequest[],
  flags: LoadFlags,
  { network, http2 }: { readonly network: Network; readonly http2: boolean },
): ReadonlyMap<string, TlsClient> {
  if ((flags.cert === undefined) !== (flags.key === undefined))
    throw new Exit(exitCode.usage, 'weft load: give --cert and --key, or neither');
  const secure = requests.filter((request) => request.secure);
  if (secure.length === 0) return new Map();
  const pem = (path: string | undefined) =>
    path === undefined ? null : new TextDecoder().decode(readBytes(path));
  const options = {
    trustedCa: pem(flags.ca),
    insecure: flags.insecure === true,
    certificate: pem(flags.cert),
    key: pem(flags.key),
    http2,
  };
  return new Map(
    secure.map((request) => {
      const made = createTargetTls(network, request.host, options);
      if (!made.ok) throw new Exit(exitCode.usage, `weft load: ${made.error}`);
      return [hostOf(request), made.value] as const;
    }),
  );
}

/** Names are looked up once, before the run. */
async function resolveTargets(requests: readonly ScenarioRequest[]): Promise<ReadonlyMap<string, Address>> {
  const hosts = new Map(requests.map((request) => [hostOf(request), request]));
  return new Map(
    await Promise.all(
      [...hosts].map(async ([name, { host, port }]) => [name, await resolveTarget(host, port)] as const),
    ),
  );
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
  const valueMs = parseTimeFlag(text);
  if (valueMs > 0) return valueMs;
  throw new InvalidArgumentError('must be more than 0');
}

function parseTimeFlag(text: string): number {
  const valueMs = parseTime(text);
  if (valueMs !== null) return valueMs;
  throw new InvalidArgumentError(timeRule);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function collectHeader(
  line: string,
  before: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const colon = line.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError("must be 'Name: value'");
  return [...before, [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]];
}
