// `weft redirect`: leads a pod's connections through its proxy, in the network that it is run in.

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  type CapturedPorts,
  cleanIptables,
  cleanNft,
  encodeIptables,
  encodeNft,
  parseCapturedPorts,
  type RedirectOptions,
} from '../deploy/index.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';

interface RedirectFlags {
  readonly outboundPorts: CapturedPorts;
  readonly inboundPorts: CapturedPorts;
  readonly skipPorts: readonly number[];
  readonly skipFrom: readonly string[];
  readonly skipNode?: true;
  readonly tool?: 'nft' | 'iptables';
  readonly print?: true;
  readonly clean?: true;
}

async function run(flags: RedirectFlags): Promise<void> {
  const node = flags.skipNode === true ? findNode() : [];
  const options: RedirectOptions = {
    outboundPorts: flags.outboundPorts,
    inboundPorts: flags.inboundPorts,
    skipPorts: flags.skipPorts,
    skipSources: [...new Set([...flags.skipFrom, ...node])],
  };
  const tool = flags.tool ?? findTool(flags.print === true);
  if (tool === 'nft') await runNft(flags.clean === true ? `${cleanNft()}\n` : encodeNft(options), flags);
  else await runIptables(options, flags);
}

function findTool(printing: boolean): 'nft' | 'iptables' {
  if (printing || Bun.which('nft') !== null) return 'nft';
  if (Bun.which('iptables') !== null) return 'iptables';
  throw new Exit(exitCode.usage, 'weft redirect: neither nft nor iptables is installed');
}

async function runNft(script: string, { print }: RedirectFlags): Promise<void> {
  if (print === true) return void process.stdout.write(script);
  const { code, err } = await spawn(['nft', '-f', '-'], script);
  if (code !== 0) throw new Exit(exitCode.notFine, `weft redirect: nft: ${err.trim()}`);
}

async function runIptables(options: RedirectOptions, { print, clean }: RedirectFlags): Promise<void> {
  for (const family of [4, 6] as const) {
    const program = family === 4 ? 'iptables' : 'ip6tables';
    // A kernel without IPv6 has nothing to lead anywhere.
    if (print !== true && family === 6 && !(await knows(program))) continue;
    for (const { args, optional } of clean === true ? cleanIptables() : encodeIptables(options, family)) {
      const command = [program, '-w', ...args];
      if (print === true)
        console.log(optional ? `${command.join(' ')} 2>/dev/null || true` : command.join(' '));
      else {
        const { code, err } = await spawn(command, '');
        if (code !== 0 && !optional)
          throw new Exit(exitCode.notFine, `weft redirect: ${command.join(' ')}: ${err.trim()}`);
      }
    }
  }
}

async function knows(program: string): Promise<boolean> {
  return Bun.which(program) !== null && (await spawn([program, '-w', '-t', 'nat', '-S'], '')).code === 0;
}

async function spawn(
  command: readonly string[],
  input: string,
): Promise<{ readonly code: number; readonly err: string }> {
  const child = Bun.spawn([...command], { stdin: new Blob([input]), stdout: 'ignore', stderr: 'pipe' });
  const [code, err] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  return { code, err };
}

/** Addresses that a kubelet probes from: its node's, and the pod's way out, which is the node's side of it. */
function findNode(): readonly string[] {
  const host = process.env['HOST_IP'] ?? '';
  return [...(isIP(host) === 0 ? [] : [host]), ...readGateways()];
}

/** Default gateways of IPv4: the kernel writes addresses as hexadecimal numbers, lowest byte first. */
function readGateways(): readonly string[] {
  try {
    const rows = readFileSync('/proc/net/route', 'latin1').trim().split('\n').slice(1);
    return rows
      .map((row) => row.split('\t'))
      .filter(([, destination, gateway]) => destination === '00000000' && gateway !== '00000000')
      .map(([, , gateway = '']) =>
        (gateway.match(/../g) ?? [])
          .map((byte) => Number.parseInt(byte, 16))
          .reverse()
          .join('.'),
      );
  } catch {
    return [];
  }
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

function parseSources(text: string): readonly string[] {
  const sources = text.split(',').map((part) => part.trim());
  const wrong = sources.find((source) => isIP(source.replace(/\/\d{1,3}$/, '')) === 0);
  if (wrong !== undefined) throw new InvalidArgumentError(`must be addresses or CIDRs (got ${wrong})`);
  return sources;
}

export const command: CliCommand = new Command('redirect')
  .description(
    "Lead a pod's connections through its proxy (nftables or iptables, IPv4 and IPv6); run in its network, as root.",
  )
  .option('--outbound-ports <list>', 'what the pod calls: all, none, or ports as 80,8080', parsePorts, [80])
  .option('--inbound-ports <list>', 'what it is called on', parsePorts, [])
  .option('--skip-ports <list>', 'never captured', parseSkipped, [])
  .option('--skip-from <list>', 'addresses whose calls are left alone', parseSources, [])
  .option(
    '--skip-node',
    "the node's addresses too (HOST_IP and the default gateway): its probes do not meet the proxy",
  )
  .addOption(
    new Option('--tool <name>', 'default: nft where it is, else iptables').choices(['nft', 'iptables']),
  )
  .option('--print', 'show what would be run')
  .option('--clean', 'take the rules away')
  .action(run);
