// `weft cni`: the agent of a node, which puts the CNI plugin into the node's networks and sets the rules of pods as the
// plugin asks. It runs as a DaemonSet (weft install --cni).

import { isIP } from 'node:net';
import { Command, Option } from 'commander';
import type { Log } from '../base/index.ts';
import { type KubeApi, textOf } from '../control/index.ts';
import {
  agentSocket,
  CniAgent,
  CniInstaller,
  findRulesTool,
  mendPods,
  meshPorts,
  serveAgent,
} from '../deploy/index.ts';
import { createJsonLog } from '../observe/index.ts';
import { openCluster } from './cluster.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import type { AccessFlags } from './kubernetes.ts';
import { untilSignal } from './until-signal.ts';

interface CniFlags extends AccessFlags {
  readonly binDir: string;
  readonly configDir: string;
  readonly socket: string;
  readonly program: string;
}

/** Lists are read again so long after the plugin came into one: pods that were being made have a process by then. */
const mendAfterMs: readonly number[] = [1000, 5000, 20_000, 60_000];

async function run(flags: CniFlags): Promise<void> {
  const log = createJsonLog('info', { write: (line) => void process.stderr.write(line) });
  const tool = findRulesTool();
  if (tool === null) throw new Exit(exitCode.usage, 'weft cni: neither nft nor iptables is installed');
  const { api } = openCluster(flags, 'weft cni');
  const { NODE_NAME: node = '', HOST_IPS: hosts = '', NODE_IP: host = '' } = process.env;
  const nodeAddresses = [...new Set([host, ...hosts.split(',')])].filter((address) => isIP(address) !== 0);
  const agent = new CniAgent({ api, tool, nodeAddresses, log });
  const mend = () => void mendPods(api, agent, node).then((told) => sayMended(told, log));
  const timers = new Set<Timer>();
  const onAdded = () => {
    for (const delayMs of mendAfterMs) timers.add(setTimeout(mend, delayMs));
  };
  const installer = new CniInstaller({
    binFolder: flags.binDir,
    configFolder: flags.configDir,
    program: flags.program,
    socket: flags.socket,
    log,
    onAdded,
  });
  // First who answers, then who asks.
  const server = start(() => serveAgent(flags.socket, agent));
  start(() => installer.start());
  // The list may be as one of before left it, and pods as it found them.
  onAdded();
  const ready = serveReadiness(installer, agent);
  await untilSignal();
  for (const timer of timers) clearTimeout(timer);
  if (await isTakenAway(api, log)) installer.remove();
  else installer.stop();
  await Promise.all([server.stop(), ready.stop()]);
  process.exit(exitCode.fine);
}

type Timer = ReturnType<typeof setTimeout>;

function start<T>(begin: () => T): T {
  try {
    return begin();
  } catch (cause) {
    throw new Exit(exitCode.usage, `weft cni: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function sayMended(told: number | string, log: Log): void {
  if (typeof told === 'string')
    log.write('warn', 'whether pods slipped through is not known', { reason: told });
}

function serveReadiness(installer: CniInstaller, agent: CniAgent) {
  return Bun.serve({
    hostname: '127.0.0.1',
    port: meshPorts.cni,
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === '/metrics')
        return new Response(agent.counts.encode(installer.installed), {
          headers: { 'content-type': 'text/plain; version=0.0.4' },
        });
      if (pathname !== '/ready') return new Response('not found\n', { status: 404 });
      return installer.installed
        ? new Response('ready\n')
        : new Response('the plugin is in no network\n', { status: 503 });
    },
  });
}

/**
 * Does nobody come after this agent? Only then the plugin goes: while a new version takes over it stays and refuses.
 * When its own rights are gone it is being taken away as well; when nothing can be learnt it stays.
 */
async function isTakenAway(api: KubeApi, log: Log): Promise<boolean> {
  const { POD_NAMESPACE: namespace = '', DAEMONSET: name = 'weft-cni' } = process.env;
  const path = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/daemonsets/${encodeURIComponent(name)}`;
  const answer = await api.request({ method: 'GET', path });
  if (!answer.ok) {
    log.write('warn', 'the plugin stays: the API server does not say who follows', {
      reason: answer.error.message,
    });
    return false;
  }
  const { status, body } = answer.value;
  return status === 200
    ? textOf(body, 'metadata', 'deletionTimestamp') !== ''
    : [401, 403, 404].includes(status);
}

export const command: CliCommand = new Command('cni')
  .description(
    "Be a node's agent of the CNI plugin: put it into the node's networks, keep it there, and set the rules of pods. At its end it takes the plugin out where its DaemonSet is gone. Without arguments and with CNI_COMMAND set, weft is the plugin.",
  )
  .option('--bin-dir <folder>', "the node's plugins", '/opt/cni/bin')
  .option('--config-dir <folder>', "the node's networks", '/etc/cni/net.d')
  .option('--socket <path>', 'where the plugin finds the agent', agentSocket)
  .addOption(
    new Option('--program <file>', 'what becomes the plugin').default(process.execPath, 'this program'),
  )
  .option('--kubeconfig <file>', 'the cluster (default: KUBECONFIG, the pod’s account, ~/.kube/config)')
  .option('--context <name>', 'the context of the kubeconfig (default: its current one)')
  .action(run);
