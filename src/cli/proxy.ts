// `weft proxy`: the data plane as a process. Reads the bootstrap, composes the real world around the proxy, and turns signals into drain,
// end and log rotation.

import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command, Option } from 'commander';
import type { Log, LogLevel } from '../base/index.ts';
import {
  type Address,
  createBunNetwork,
  createFileStore,
  createSystemClock,
  createSystemRandom,
  createSystemResolver,
  formatAddress,
  gunzip,
  ListenError,
  type Network,
  readOpenFilesMax,
} from '../net/index.ts';
import { createJsonLog, type LeveledLog, logLevels } from '../observe/index.ts';
import {
  type AdsConfig,
  type Bootstrap,
  createAdsFailover,
  createProcessInfo,
  createProxy,
  parseBootstrap,
  type Proxy as RunningProxy,
} from '../proxy/index.ts';
import { type AdsTransport, createGrpcAdsTransport, type GrpcAdsOptions } from '../xds/index.ts';
import { type CliCommand, Exit, exitCode, exitWithIssues } from './command.ts';
import { HotRestart } from './hot-restart.ts';
import { version } from './version.ts';

interface ProxyFlags {
  readonly config: string;
  readonly stateDir?: string;
  readonly logLevel: LogLevel;
  readonly drainTime?: number;
  readonly concurrency: string;
  readonly admin?: Address;
  readonly readiness?: Address;
  readonly baseId?: number;
  readonly restartEpoch?: number;
}

const defaultAdmin: Address = { kind: 'ip', host: '127.0.0.1', port: 15_000 };

export const command: CliCommand = new Command('proxy')
  .description('Run the data plane from an Envoy bootstrap: sidecar, node agent or gateway.')
  .requiredOption('-c, --config <file>', 'Envoy bootstrap, YAML or JSON')
  .option('--state-dir <dir>', "folder of the last good configuration (default: the bootstrap's folder)")
  .addOption(
    new Option('--log-level <level>', 'least level of the process log').choices(logLevels).default('info'),
  )
  .option(
    '--drain-time <seconds>',
    "time for running requests at the end, instead of each listener's own",
    parseSeconds,
  )
  .addOption(new Option('--concurrency <n>', 'threads').choices(['1']).default('1'))
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
  .action(run);

async function run(flags: ProxyFlags): Promise<void> {
  const bootstrap = readBootstrap(flags.config);
  const end = Promise.withResolvers<'asked' | 'succeeded'>();
  const ask = () => end.resolve('asked');
  const log = createJsonLog(flags.logLevel, { write: (line) => process.stderr.write(line) });
  const restart = HotRestart.from(flags.baseId, flags.restartEpoch, log);
  const network = createBunNetwork(undefined, restart?.inherited);
  const proxy = compose(flags, bootstrap, log, network, ask);
  log.write('info', 'starting', { version, pid: process.pid, node: bootstrap.node.id, config: flags.config });
  try {
    proxy.start();
  } catch (error) {
    if (error instanceof ListenError) throw new Exit(exitCode.usage, `admin: ${error.message}`);
    throw error;
  }
  listenToSignals(proxy, log, ask);
  restart?.watch(proxy, () => end.resolve('succeeded'));
  if ((await end.promise) === 'succeeded') await proxy.handOver();
  else await proxy.drain();
  await proxy.stop();
  log.write('info', 'stopped', { exitCode: exitCode.fine });
  process.exit(exitCode.fine);
}

function readBootstrap(path: string): Bootstrap {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Exit(exitCode.usage, `${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = parseBootstrap(text, { fileName: path, version });
  return parsed.ok ? parsed.value : exitWithIssues(parsed.error);
}

function compose(
  flags: ProxyFlags,
  bootstrap: Bootstrap,
  log: LeveledLog,
  network: Network,
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
    createAdsTransport: (config) => createAdsTransport({ network, clock, gunzip }, config),
    stateDir: flags.stateDir ?? dirname(flags.config),
    admin: flags.admin ?? bootstrap.admin ?? defaultAdmin,
    readiness: flags.readiness ?? null,
    drainTimeoutMs: flags.drainTime === undefined ? null : flags.drainTime * 1000,
    process: createProcessInfo(),
    openFilesMax: readOpenFilesMax(),
    onQuit: quit,
  });
}

/** What streams to the control plane stand on. */
type System = Pick<GrpcAdsOptions, 'network' | 'clock' | 'gunzip'>;

function createAdsTransport(system: System, { servers, connectTimeoutMs }: AdsConfig): AdsTransport {
  return createAdsFailover(
    servers.map((address) =>
      createGrpcAdsTransport({
        ...system,
        address,
        authority: formatAddress(address),
        connectTimeoutMs,
      }),
    ),
  );
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

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds;
  throw new Exit(exitCode.usage, `--drain-time: must be seconds (got ${text})`);
}

function parseNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Exit(exitCode.usage, `must be a whole number (got ${text})`);
}

/** `host:port` with an IP literal, IPv6 in brackets. */
function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new Exit(exitCode.usage, `must be an address like 127.0.0.1:15000 (got ${text})`);
  return { kind: 'ip', host: match[1] ?? match[2] ?? '', port };
}
