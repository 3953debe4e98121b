// `weft proxy`: the data plane as a process. Reads the bootstrap, composes the real world around the proxy, and turns
// signals into drain, end and log rotation.

import { randomInt } from 'node:crypto';
import { openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { fail, type Log, ok, type Result, silentLog } from '../base/index.ts';
import {
  type Address,
  createBunNetwork,
  createFileStore,
  createSystemClock,
  createSystemRandom,
  createSystemReadings,
  createSystemResolver,
  formatAddress,
  gunzip,
  ListenError,
  type Network,
  readOpenFilesMax,
  shareDescriptors,
} from '../net/index.ts';
import { createJsonLog, type LeveledLog, type LogThreshold } from '../observe/index.ts';
import {
  type AdsConfig,
  type Bootstrap,
  checkTlsMaterial,
  createAdsFailover,
  createProcessInfo,
  createProxy,
  type DrainStrategy,
  type FindTlsClient,
  type Proxy as RunningProxy,
  type UserFilters,
} from '../proxy/index.ts';
import { type AdsTransport, createGrpcAdsTransport, type GrpcAdsOptions } from '../xds/index.ts';
import { type CliCommand, Exit, exitCode, exitWithIssues } from './command.ts';
import { addEnvoyFlags, type EnvoyFlags, parseSeconds } from './envoy-flags.ts';
import { HotRestart, type HotRestartFlags } from './hot-restart.ts';
import { machine } from './machine.ts';
import { type BootstrapFlags, parseLogLevel, parseSource, readBootstrap } from './proxy-bootstrap.ts';
import { concurrencyMax, ProxyThreads } from './proxy-threads.ts';
import { loadUserFilters } from './user-filters.ts';
import { version } from './version.ts';
import { warmUpThread } from './warm-up.ts';

interface ProxyFlags extends BootstrapFlags, HotRestartFlags, EnvoyFlags {
  readonly mode: 'serve' | 'validate';
  readonly logPath?: string;
  readonly stateDir?: string;
  readonly logLevel: LogThreshold;
  readonly drainTime?: number;
  readonly concurrency?: number;
  readonly endWithOthers?: true;
  readonly warmUp: number;
  readonly filter: readonly string[];
  readonly admin?: Address;
  readonly readiness?: Address;
  readonly drainStrategy?: DrainStrategy;
}

const defaultAdmin: Address = { kind: 'ip', host: '127.0.0.1', port: 15_000 };

export const command: CliCommand = new Command('proxy')
  .description('Run the data plane from an Envoy bootstrap: sidecar, node agent or gateway.')
  .option('-c, --config <file>', 'Envoy bootstrap, YAML or JSON')
  .option('--config-yaml <text>', 'a bootstrap; beside a file, it is merged over the file’s')
  .addOption(
    new Option(
      '--mode <mode>',
      'validate: say what is wrong with the bootstrap, its TLS files and filters, and exit',
    )
      .choices(['serve', 'validate'])
      .default('serve'),
  )
  .option('--service-node <id>', "the node's id, instead of the bootstrap's")
  .option('--service-cluster <name>', "the node's cluster, instead of the bootstrap's")
  .option('--state-dir <dir>', "folder of the last good configuration (default: the bootstrap's folder)")
  .option(
    '-l, --log-level <level>',
    "least level of the process log; Envoy's names too",
    parseLogLevel,
    'info',
  )
  .option('--log-path <file>', 'the process log goes there, instead of standard error')
  .option(
    '--drain-time <seconds>',
    "time for running requests at the end, instead of each listener's own",
    parseSeconds,
  )
  .option(
    '--filter <file>',
    'a filter of your own, in TypeScript; may be repeated (docs/filters.md)',
    (file: string, before: readonly string[]) => [...before, file],
    [] as readonly string[],
  )
  .option('--end-with-others', "end when no other user's process is left (the pod shares its processes)")
  .option('--concurrency <n>', 'threads that serve (docs/concurrency.md; default: 1)', parseConcurrency)
  .option(
    '--warm-up <requests>',
    'requests that each thread sends through itself at the start, so that a first caller meets compiled code; 0: none',
    parseNumber,
    2000,
  )
  .option('--admin <host:port>', 'admin interface, instead of the one in the bootstrap', parseAddress)
  .option('--readiness <host:port>', 'a second port with /ready and /stats/prometheus alone', parseAddress)
  .option(
    '--base-id <n>',
    'offer the listeners to a successor that is given the same number (docs/upgrade.md)',
    parseNumber,
  )
  .option(
    '--restart-epoch <n>',
    'take the listeners over from the proxy with the number before; 0 takes none',
    parseNumber,
  )
  .addOption(
    new Option(
      '--drain-strategy <kind>',
      'how clients are sent away while draining: each with its next answer, or spread over the drain time ' +
        '(default: gradual, and immediate where the process ends)',
    ).choices(['immediate', 'gradual']),
  )
  .option(
    '--parent-shutdown-time-s <seconds>',
    'the proxy before ends at most so long after this one serves (default: its own drain time)',
    parseSeconds,
  )
  .action(run);
addEnvoyFlags(command);

async function run(given: ProxyFlags): Promise<void> {
  const flags = underOneName(given);
  if (flags.hotRestartVersion === true || flags.version === true) {
    process.stdout.write(`weft ${version}\n`);
    process.exit(exitCode.fine);
  }
  const source = readBootstrap(flags);
  const bootstrap = parseSource(source);
  if (flags.mode === 'validate') {
    await validate(flags, bootstrap);
    process.stdout.write(`${flags.config ?? '--config-yaml'}: fine\n`);
    process.exit(exitCode.fine);
  }
  const end = Promise.withResolvers<Ending>();
  const ask = () => end.resolve({ kind: 'asked' });
  const writeLog = openLog(flags.logPath);
  const log = createJsonLog(flags.logLevel, { write: writeLog });
  const restart = HotRestart.from(flags, log);
  const inherited = restart?.inherited ?? new Map();
  const threads = flags.concurrency === 1 ? null : new ProxyThreads(flags.concurrency, log, writeLog);
  const own = createBunNetwork(undefined, shareDescriptors(inherited, 0, flags.concurrency));
  const userFilters = await loadUserFilters(flags.filter, createFileStore(), log);
  const proxy = compose(flags, bootstrap, log, threads?.guard(own) ?? own, threads, userFilters, ask);
  log.write('info', 'starting', {
    version,
    pid: process.pid,
    threads: flags.concurrency,
    node: bootstrap.node.id,
    config: flags.config ?? '',
  });
  try {
    proxy.start();
  } catch (error) {
    if (error instanceof ListenError) throw new Exit(exitCode.usage, `admin: ${error.message}`);
    throw error;
  }
  if (flags.adminAddressPath !== undefined && proxy.adminAddress !== null)
    writeNote('--admin-address-path', flags.adminAddressPath, formatAddress(proxy.adminAddress));
  if (flags.baseIdPath !== undefined) writeNote('--base-id-path', flags.baseIdPath, `${flags.baseId ?? 0}\n`);
  threads?.start({
    bootstrap: source,
    inherited,
    logLevel: flags.logLevel,
    drainTimeoutMs: drainTimeoutMs(flags),
    drainStrategy: flags.drainStrategy ?? null,
    filters: flags.filter,
    warmUp: flags.warmUp,
  });
  warmUpThread(flags.warmUp, 0, log);
  listenToSignals(proxy, log, ask);
  // By itself: what it needs is most of what injects, and no other proxy has use for it.
  if (flags.endWithOthers === true) (await import('./end-with-others.ts')).watchOthers(ask);
  restart?.watch(proxy, (withinMs) => end.resolve({ kind: 'succeeded', withinMs }));
  await finish(proxy, await end.promise);
  await proxy.stop();
  log.write('info', 'stopped', { exitCode: exitCode.fine });
  process.exit(exitCode.fine);
}

/** What of the bootstrap is seen before anything runs: beyond its fields, the files that it and the flags name. */
async function validate({ config, filter }: ProxyFlags, bootstrap: Bootstrap): Promise<void> {
  const world = {
    network: createBunNetwork(),
    store: createFileStore(),
    fileName: config ?? '--config-yaml',
  };
  const issues = await checkTlsMaterial(bootstrap, world);
  if (issues.length > 0) exitWithIssues(issues);
  await loadUserFilters(filter, world.store, silentLog);
}

/** Whoever waits for the file finds all of it. */
function writeNote(flag: string, path: string, text: string): void {
  try {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw new Exit(exitCode.usage, `${flag}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Why the process ends; `withinMs` is the successor's word on how long that may take. */
type Ending = { readonly kind: 'asked' } | { readonly kind: 'succeeded'; readonly withinMs: number | null };

async function finish(proxy: RunningProxy, ending: Ending): Promise<void> {
  if (ending.kind === 'asked') await proxy.drain();
  else await Promise.race([proxy.handOver(ending.withinMs), afterAll(ending.withinMs)]);
}

/** The successor counts on it, whatever a thread hangs on. */
function afterAll(withinMs: number | null): Promise<void> {
  return withinMs === null ? new Promise(() => {}) : Bun.sleep(withinMs + graceMs);
}

const graceMs = 1_000;

/** Envoy's name of a flag means what ours does. */
function underOneName(flags: ProxyFlags): ProxyFlags & { readonly concurrency: number } {
  const config = flags.config ?? flags.configPath;
  const drainTime = flags.drainTime ?? flags.drainTimeS;
  if (flags.useDynamicBaseId === true && (flags.restartEpoch ?? 0) > 0)
    throw new Exit(
      exitCode.usage,
      '--use-dynamic-base-id: a successor must be given the --base-id of the proxy before',
    );
  return {
    ...flags,
    ...(flags.useDynamicBaseId === true ? { baseId: randomInt(2 ** 31) } : {}),
    concurrency: flags.concurrency ?? (flags.cpusetThreads === true ? cpusetThreads() : 1),
    ...(config === undefined ? {} : { config }),
    ...(drainTime === undefined ? {} : { drainTime }),
  };
}

/** CPUs that the process may run on. */
function cpusetThreads(): number {
  return Math.min(availableParallelism(), concurrencyMax);
}

function openLog(path: string | undefined): (line: string) => void {
  if (path === undefined) return (line) => process.stderr.write(line);
  try {
    const descriptor = openSync(path, 'a', 0o640);
    return (line) => void writeSync(descriptor, line);
  } catch (error) {
    throw new Exit(exitCode.usage, `--log-path: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function compose(
  flags: ProxyFlags,
  bootstrap: Bootstrap,
  log: LeveledLog,
  network: Network,
  threads: ProxyThreads | null,
  userFilters: UserFilters,
  quit: () => void,
): RunningProxy {
  const clock = createSystemClock();
  return createProxy({
    clock,
    random: createSystemRandom(),
    network,
    resolver: createSystemResolver(),
    store: createFileStore(),
    log,
    bootstrap,
    version,
    createAdsTransport: (config, tlsClient) =>
      createAdsTransport({ network, clock, gunzip }, config, tlsClient),
    stateDir: flags.stateDir ?? dirname(flags.config ?? '.'),
    admin: flags.admin ?? bootstrap.admin ?? defaultAdmin,
    readiness: flags.readiness ?? null,
    drainStrategy: flags.drainStrategy ?? null,
    drainTimeoutMs: drainTimeoutMs(flags),
    threads,
    userFilters,
    process: createProcessInfo(),
    machine,
    openFilesMax: readOpenFilesMax(),
    readings: createSystemReadings(),
    onQuit: quit,
  });
}

function drainTimeoutMs({ drainTime }: ProxyFlags): number | null {
  return drainTime === undefined ? null : drainTime * 1000;
}

/** What streams to the control plane stand on. */
type System = Pick<GrpcAdsOptions, 'network' | 'clock' | 'gunzip'>;

function createAdsTransport(
  system: System,
  { servers, typeUrl, method }: AdsConfig,
  tlsClient: FindTlsClient,
): AdsTransport {
  return createAdsFailover(
    servers.map(({ address, connectTimeoutMs, authority, metadata, tls, tokenFile }) =>
      createGrpcAdsTransport({
        ...system,
        address,
        typeUrl,
        ...(method === undefined ? {} : { method }),
        metadata,
        authority: authority === '' ? formatAddress(address) : authority,
        connectTimeoutMs,
        ...(tokenFile === null ? {} : { token: () => readToken(tokenFile) }),
        connect: () => {
          if (tls === null) return {};
          const client = tlsClient(tls);
          return client === null ? null : { tls: client };
        },
      }),
    ),
  );
}

/** Read for each stream: the kubelet replaces it long before it expires. */
function readToken(path: string): Result<string, string> {
  try {
    const token = readFileSync(path, 'utf8').trim();
    return /^[\x21-\x7e]+$/.test(token) ? ok(token) : fail(`the token file ${path} holds no token`);
  } catch (cause) {
    return fail(`the token file ${path} cannot be read: ${String(cause)}`);
  }
}

/** The first SIGTERM or SIGINT drains, a second one ends at once; SIGHUP and SIGUSR1 reopen the logs. */
function listenToSignals(proxy: RunningProxy, log: Log, end: () => void): void {
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log.write('info', 'signal', { signal, effect: asked ? 'ends at once' : 'drains, then ends' });
      if (asked) process.exit(exitCode.notFine);
      asked = true;
      end();
    });
  }
  for (const signal of ['SIGHUP', 'SIGUSR1'] as const) {
    process.on(signal, () => {
      log.write('info', 'signal', { signal, effect: 'reopens the access logs' });
      proxy.reopenLogs();
    });
  }
}

function parseNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('must be a whole number');
}

function parseConcurrency(text: string): number {
  const threads = parseNumber(text);
  if (threads >= 1 && threads <= concurrencyMax) return threads;
  throw new InvalidArgumentError(`must be 1 to ${concurrencyMax}`);
}

/** `host:port` with an IP literal, IPv6 in brackets. */
function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new InvalidArgumentError('must be an address like 127.0.0.1:15000');
  return { kind: 'ip', host: match[1] ?? match[2] ?? '', port };
}
