// Sets a pod's rules, or takes them away, by the programs of the machine: nft where it is, else iptables; in the
// network that this process is in, or in another one that it may enter.

import {
  cleanIptables,
  cleanNft,
  encodeIptables,
  encodeNft,
  parseGateways,
  type RedirectOptions,
} from './redirect.ts';

export type RulesTool = 'nft' | 'iptables';

/** null: take them away. */
export type Rules = RedirectOptions | null;

/** Words before each command that lead it into a network; none: the one that this process is in. */
export type Enter = readonly string[];

/** null: neither is installed. */
export function findRulesTool(): RulesTool | null {
  if (Bun.which('nft') !== null) return 'nft';
  return Bun.which('iptables') !== null ? 'iptables' : null;
}

/** What went wrong, in the tool's words; null: done. With nft it is all or nothing. */
export async function setRules(tool: RulesTool, rules: Rules, enter: Enter = []): Promise<string | null> {
  if (tool === 'nft') {
    const script = rules === null ? `${cleanNft()}\n` : encodeNft(rules);
    const { code, err } = await spawn([...enter, 'nft', '-f', '-'], script);
    return code === 0 ? null : `nft: ${err.trim()}`;
  }
  for (const family of [4, 6] as const) {
    const program = family === 4 ? 'iptables' : 'ip6tables';
    // A kernel without IPv6 has nothing to lead anywhere.
    if (family === 6 && !(await knows(program, enter))) continue;
    for (const { args, optional } of rules === null ? cleanIptables() : encodeIptables(rules, family)) {
      const command = [program, '-w', ...args];
      const { code, err } = await spawn([...enter, ...command]);
      if (code !== 0 && !optional) return `${command.join(' ')}: ${err.trim()}`;
    }
  }
  return null;
}

/** Whether rules of ours are in force: what they capture is not compared. */
export async function hasRules(tool: RulesTool, enter: Enter): Promise<boolean> {
  const command =
    tool === 'nft'
      ? ['nft', 'list', 'table', 'inet', 'weft']
      : ['iptables', '-w', '-t', 'nat', '-S', 'WEFT_OUT'];
  return (await spawn([...enter, ...command])).code === 0;
}

/** Default gateways of a network: the node's side of a pod. */
export async function readGateways(enter: Enter = []): Promise<readonly string[]> {
  const [v4, v6] = await Promise.all(
    ['/proc/net/route', '/proc/net/ipv6_route'].map((path) => spawn([...enter, 'cat', path])),
  );
  return parseGateways(v4?.out ?? '', v6?.out ?? '');
}

async function knows(program: string, enter: Enter): Promise<boolean> {
  if (Bun.which(program) === null) return false;
  return (await spawn([...enter, program, '-w', '-t', 'nat', '-S'])).code === 0;
}

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function spawn(command: readonly string[], input = ''): Promise<Ended> {
  const child = Bun.spawn([...command], { stdin: new Blob([input]), stdout: 'pipe', stderr: 'pipe' });
  const texts = [new Response(child.stdout).text(), new Response(child.stderr).text()] as const;
  const [code, out, err] = await Promise.all([child.exited, ...texts]);
  return { code, out, err };
}
