// `weft redirect`: leads a pod's connections through its proxy, in the network that it is run in.

import { isIP } from 'node:net';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  type CapturedPorts,
  cleanIptables,
  cleanNft,
  encodeIptables,
  encodeNft,
  findRulesTool,
  isRedirected,
  parseCapturedPorts,
  parseInterfaces,
  parseRanges,
  type RedirectOptions,
  type RulesTool,
  readGateways,
  setRules,
} from '../deploy/index.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';

interface RedirectFlags {
  readonly outboundPorts: CapturedPorts;
  readonly inboundPorts: CapturedPorts;
  readonly skipPorts: readonly number[];
  readonly skipFrom: readonly string[];
  readonly skipTo: readonly string[];
  readonly skipInterfaces: readonly string[];
  readonly skipNode?: true;
  readonly tool?: RulesTool;
  readonly print?: true;
  readonly clean?: true;
  readonly verify?: number;
}

async function run(flags: RedirectFlags): Promise<void> {
  if (flags.verify !== undefined) return await verify(flags.verify);
  const node = flags.skipNode === true ? await findNode() : [];
  const options: RedirectOptions = {
    outboundPorts: flags.outboundPorts,
    inboundPorts: flags.inboundPorts,
    skipPorts: flags.skipPorts,
    skipSources: [...new Set([...flags.skipFrom, ...node])],
    skipDestinations: flags.skipTo,
    skipInterfaces: flags.skipInterfaces,
  };
  const rules = flags.clean === true ? null : options;
  if (flags.print === true) return print(flags.tool ?? 'nft', rules);
  const tool = flags.tool ?? findRulesTool();
  if (tool === null) throw new Exit(exitCode.usage, 'weft redirect: neither nft nor iptables is installed');
  const failure = await setRules(tool, rules);
  if (failure !== null) throw new Exit(exitCode.notFine, `weft redirect: ${failure}`);
}

function print(tool: RulesTool, rules: RedirectOptions | null): void {
  if (tool === 'nft') return void process.stdout.write(rules === null ? `${cleanNft()}\n` : encodeNft(rules));
  for (const family of [4, 6] as const)
    for (const { args, optional } of rules === null ? cleanIptables() : encodeIptables(rules, family)) {
      const line = [family === 4 ? 'iptables' : 'ip6tables', '-w', ...args].join(' ');
      console.log(optional ? `${line} 2>/dev/null || true` : line);
    }
}

/** The kubelet starts it again: a pod that was made past the plugin waits until its rules are set. */
async function verify(seconds: number): Promise<void> {
  const untilMs = performance.now() + seconds * 1000;
  while (!(await isRedirected())) {
    if (performance.now() > untilMs)
      throw new Exit(
        exitCode.notRedirected,
        "weft redirect: this pod is not led through its proxy: the node's CNI plugin (weft install --cni) was not there when it was made",
      );
    await Bun.sleep(verifyAgainMs);
  }
}

const verifyAgainMs = 250;

/** Addresses that a kubelet probes from: its node's, and the pod's way out, which is the node's side of it. */
async function findNode(): Promise<readonly string[]> {
  const hosts = [process.env['HOST_IP'] ?? '', ...(process.env['HOST_IPS'] ?? '').split(',')];
  return [...hosts.filter((host) => isIP(host) !== 0), ...(await readGateways())];
}

function parsePorts(text: string): CapturedPorts {
  const ports = parseCapturedPorts(text);
  if (ports === null) throw new InvalidArgumentError('must be ports as 80,8080, or all or none');
  return ports;
}

function parseSkipped(text: string): readonly number[] {
  const ports = parsePorts(text);
  if (ports === 'all') throw new InvalidArgumentError('must be ports as 80,8080');
  return ports;
}

function parseSkippedRanges(text: string): readonly string[] {
  const ranges = parseRanges(text);
  if (ranges === null) throw new InvalidArgumentError('must be addresses or ranges as 10.0.0.0/8,fd00::1');
  return ranges;
}

function parseSkippedInterfaces(text: string): readonly string[] {
  const interfaces = parseInterfaces(text);
  if (interfaces === null) throw new InvalidArgumentError('must be names of interfaces as net1,net2');
  return interfaces;
}

function parseSeconds(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('must be seconds, 0 to 9999');
}

export const command: CliCommand = new Command('redirect')
  .description(
    "Lead a pod's connections through its proxy (nftables or iptables, IPv4 and IPv6); run in its network, as root.",
  )
  .option('--outbound-ports <list>', 'what the pod calls: all, none, or ports as 80,8080', parsePorts, [80])
  .option('--inbound-ports <list>', 'what it is called on', parsePorts, [])
  .option('--skip-ports <list>', 'never captured', parseSkipped, [])
  .option('--skip-from <list>', 'addresses or ranges whose calls are left alone', parseSkippedRanges, [])
  .option('--skip-to <list>', 'addresses or ranges to which calls are left alone', parseSkippedRanges, [])
  .option('--skip-interfaces <list>', 'what comes or goes by these is left alone', parseSkippedInterfaces, [])
  .option(
    '--skip-node',
    "the node's addresses too (HOST_IP and the default gateway): its probes do not meet the proxy",
  )
  .addOption(
    new Option('--tool <name>', 'default: nft where it is, else iptables').choices(['nft', 'iptables']),
  )
  .option('--print', 'show what would be run')
  .option('--clean', 'take the rules away')
  .option(
    '--verify <seconds>',
    'set nothing: wait so long for rules of ours, and exit 126 where there are none; takes no rights',
    parseSeconds,
  )
  .action(run);
