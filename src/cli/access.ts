// `weft access`: who may call whom, offline, and what policies the calls need that were seen.

import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { stringify } from 'yaml';
import { parseIp } from '../base/index.ts';
import { type AccessCaller, compileAccessOutlook, type ManifestFile } from '../control/index.ts';
import { type AccessAnswer, judgeAccess } from './access-judge.ts';
import { suggestPolicies } from './access-suggest.ts';
import { readFiles } from './check-files.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';

interface TestFlags {
  readonly manifests: readonly string[];
  readonly json?: true;
}

interface PortAnswer extends AccessAnswer {
  readonly port: number;
  /** Nobody reads requests there: the caller alone is judged. */
  readonly bytes: boolean;
}

/** FROM is `namespace/account` or an address, TO `namespace/service` and a port, if it has several. */
function test(from: string, to: string, method: string, path: string, flags: TestFlags): void {
  // No route has a place for it, and a call that no route takes meets no fence.
  if (!path.startsWith('/'))
    throw new Exit(exitCode.usage, `weft access: PATH must begin with / (got ${path})`);
  const { files } = readFiles('weft access', flags.manifests);
  const answers = ask(files, parseCaller(from), parseTarget(to), method.toUpperCase(), path);
  if (flags.json === true) console.log(JSON.stringify(answers, null, 2));
  else for (const answer of answers) console.log(describe(to, answer));
  if (answers.some(({ allowed }) => !allowed)) throw new Exit(exitCode.notFine);
}

interface Target {
  readonly namespace: string;
  readonly name: string;
  /** Name or number; '': all at which requests are read; where none is, all. */
  readonly port: string;
}

function ask(
  files: readonly ManifestFile[],
  caller: AccessCaller,
  target: Target,
  method: string,
  path: string,
): readonly PortAnswer[] {
  const outlook = compileAccessOutlook(files, target, caller);
  if (outlook === null)
    throw new Exit(
      exitCode.usage,
      `weft access: the manifests have no Service ${target.namespace}/${target.name}`,
    );
  const read = outlook.ports.filter(({ authority }) => authority !== null);
  const asked =
    target.port === ''
      ? read.length > 0
        ? read
        : outlook.ports
      : outlook.ports.filter(({ port, name }) => target.port === String(port) || target.port === name);
  if (asked.length === 0) {
    const known = outlook.ports.map(({ port }) => port).join(', ');
    throw new Exit(
      exitCode.usage,
      `weft access: Service ${target.namespace}/${target.name} has no TCP port ${target.port} (it has ${known || 'none'})`,
    );
  }
  return asked.map((one) => ({
    port: one.port,
    bytes: one.authority === null,
    ...judgeAccess(outlook, one, { method, path }),
  }));
}

function parseCaller(text: string): AccessCaller {
  if (parseIp(text) !== null) return { kind: 'address', address: text };
  const [namespace = '', name = '', ...more] = text.split('/');
  if (namespace === '' || name === '' || more.length > 0)
    throw new Exit(exitCode.usage, `weft access: FROM must be NAMESPACE/ACCOUNT or an address (got ${text})`);
  return { kind: 'account', namespace, name };
}

function parseTarget(text: string): Target {
  const match = /^([^/:]+)\/([^/:]+)(?::([^/:]+))?$/.exec(text);
  if (match === null)
    throw new Exit(
      exitCode.usage,
      `weft access: TO must be NAMESPACE/SERVICE or NAMESPACE/SERVICE:PORT (got ${text})`,
    );
  const [, namespace = '', name = '', port = ''] = match;
  return { namespace, name, port };
}

function describe(to: string, { port, bytes, allowed, rule, fenced, audited }: PortAnswer): string {
  const where = `${to.includes(':') ? to : `${to}:${port}`}${bytes ? ' as bytes' : ''}`;
  if (!fenced) return `${where}: allowed, for no AccessPolicy names it`;
  if (!allowed) return `${where}: refused, for no rule lets it pass`;
  if (audited) return `${where}: allowed, and would be refused if what is audited were enforced`;
  return `${where}: allowed${rule === null ? ', for nothing is enforced' : ` by ${rule}`}`;
}

interface SuggestFlags {
  readonly manifests: readonly string[];
  readonly mode: 'Audit' | 'Enforce';
}

function suggest(paths: readonly string[], { manifests, mode }: SuggestFlags): void {
  const texts = paths.map(readMetrics);
  const { policies, notes } = suggestPolicies(texts, readFiles('weft access', manifests).files, mode);
  for (const note of notes) process.stderr.write(`${note}\n`);
  process.stdout.write(policies.map((policy) => stringify(policy)).join('---\n'));
  if (policies.length === 0) throw new Exit(exitCode.notFine, 'weft access: nobody was seen to call anybody');
}

function readMetrics(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (cause) {
    throw new Exit(exitCode.usage, `weft access: ${path} cannot be read: ${String(cause)}`);
  }
}

const manifests = () =>
  new Option(
    '-f, --manifests <paths...>',
    'directories, files, or - for standard input',
  ).makeOptionMandatory();

export const command: CliCommand = new Command('access')
  .description('Say who may call whom, and write the policies that observed calls need')
  .addCommand(
    new Command('test')
      .description(
        'Say offline whether a call would be let in, and by which rule. Exits 1 when it would be refused.',
      )
      .addArgument(new Argument('<from>', 'NAMESPACE/ACCOUNT, or the address of a caller'))
      .addArgument(new Argument('<to>', 'NAMESPACE/SERVICE, or NAMESPACE/SERVICE:PORT'))
      .addArgument(new Argument('[method]', 'of the request').default('GET'))
      .addArgument(new Argument('[path]', 'of the request').default('/'))
      .addOption(manifests())
      .option('--json', 'print the answers as JSON')
      .action(test),
  )
  .addCommand(
    new Command('suggest')
      .description(
        'Write the AccessPolicies that the calls need which proxies counted: one for each Service that was called.',
      )
      .addArgument(new Argument('<metrics...>', 'what /stats/prometheus of sidecars said: files, or -'))
      .addOption(manifests())
      .addOption(
        new Option('--mode <mode>', 'of the policies').choices(['Audit', 'Enforce']).default('Audit'),
      )
      .action(suggest),
  );
