// `weft bootstrap`: writes a proxy's bootstrap from what Kubernetes tells a pod about itself.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  applicationWanted,
  type BootstrapFacts,
  callsWanted,
  type Endpoint,
  encodeBootstrap,
  encodeTokenSecret,
  meshPorts,
  parseApplication,
  parseCalls,
} from '../deploy/index.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';

interface BootstrapFlags {
  readonly role: BootstrapFacts['role'];
  readonly xds: Endpoint;
  readonly xdsCa?: string;
  readonly xdsToken?: string;
  readonly labels?: string;
  readonly application: Readonly<Record<string, number>>;
  readonly containerPorts: Readonly<Record<string, number>>;
  readonly capture?: true;
  readonly calls?: readonly string[] | 'allowed';
  readonly workload?: string;
  readonly for: 'weft' | 'envoy';
  readonly out?: string;
}

/** Labels that name a workload, the first that is there. */
const workloadLabels = ['app.kubernetes.io/name', 'app'] as const;

function run(flags: BootstrapFlags): void {
  const { role, xds, application, containerPorts, out } = flags;
  const labels = flags.labels === undefined ? {} : readLabels(flags.labels);
  const name = role === 'agent' ? environment('NODE_NAME') : environment('POD_NAME');
  const known = workloadLabels.map((label) => labels[label]).find((label) => label !== undefined);
  const identity = readIdentity(flags);
  const text = encodeBootstrap({
    role,
    name,
    namespace: role === 'agent' ? '' : environment('POD_NAMESPACE'),
    workload: flags.workload ?? known ?? name,
    labels,
    admin: { host: '127.0.0.1', port: meshPorts.admin },
    listen: {},
    application,
    capture: flags.capture === true,
    ipv6: flags.capture === true && hasIpv6(),
    containerPorts,
    ...(flags.calls === undefined ? {} : { calls: flags.calls }),
    ...(flags.calls === 'allowed' ? { account: environment('POD_ACCOUNT') } : {}),
    xds,
    identity,
  });
  if (out === undefined) process.stdout.write(text);
  else writeFileSync(out, text);
  if (identity?.secretFile !== undefined)
    writeFileSync(identity.secretFile, encodeTokenSecret(identity.tokenFile));
}

function readIdentity(flags: BootstrapFlags): BootstrapFacts['identity'] {
  const { xdsCa: caFile, xdsToken: tokenFile, for: program, out } = flags;
  if (caFile === undefined && tokenFile === undefined) return null;
  if (caFile === undefined || tokenFile === undefined)
    throw new Exit(exitCode.usage, 'weft bootstrap: --xds-ca and --xds-token go together');
  if (program === 'weft') return { caFile, tokenFile };
  if (out === undefined)
    throw new Exit(
      exitCode.usage,
      'weft bootstrap: --for envoy with a token wants --out: it writes a second file there',
    );
  return { caFile, tokenFile, secretFile: join(dirname(out), 'xds-token.json') };
}

/** By its loopback's address: where IPv6 is switched off there is none. */
function hasIpv6(): boolean {
  try {
    return /^0{31}1 /m.test(readFileSync('/proc/net/if_inet6', 'latin1'));
  } catch {
    return false;
  }
}

function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new Exit(exitCode.usage, `weft bootstrap: ${name} must be set`);
  return value;
}

/** The downward API's file: `key="value"` a line, the value as a Go string. */
function readLabels(path: string): Readonly<Record<string, string>> {
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    const pairs = lines.flatMap((line) => [...line.matchAll(/^([^=]+)=(".*")$/g)]);
    return Object.fromEntries(pairs.map(([, key = '', value = '""']) => [key, String(JSON.parse(value))]));
  } catch (cause) {
    throw new Exit(exitCode.usage, `weft bootstrap: ${path} cannot be read: ${String(cause)}`);
  }
}

function parseEndpoint(text: string): Endpoint {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const [host, port] = [match?.[1] ?? match?.[2], Number(match?.[3])];
  if (host === undefined || !(port >= 1 && port <= 65_535))
    throw new InvalidArgumentError('must be HOST:PORT');
  return { host, port };
}

function readApplication(text: string): Readonly<Record<string, number>> {
  const application = parseApplication(text);
  if (application === null) throw new InvalidArgumentError(`must be ${applicationWanted}`);
  return application;
}

function readCalls(text: string): readonly string[] | 'allowed' {
  const calls = parseCalls(text);
  if (calls === null) throw new InvalidArgumentError(`must be ${callsWanted}`);
  return calls;
}

export const command: CliCommand = new Command('bootstrap')
  .description("Write a proxy's bootstrap from POD_NAME and POD_NAMESPACE, or for an agent NODE_NAME.")
  .addOption(
    new Option('--role <role>', 'what it is').choices(['sidecar', 'agent', 'gateway']).default('sidecar'),
  )
  .requiredOption('--xds <address>', 'the control plane: HOST:PORT', parseEndpoint)
  .option('--xds-ca <file>', 'ask it by TLS: whom to trust, PEM')
  .option('--xds-token <file>', 'and prove who asks by this token')
  .option('--labels <file>', "the pod's labels, as the downward API writes them")
  .option('--application <list>', 'Service port to application port: http=8080', readApplication, {})
  .option('--container-ports <list>', 'by name, for a targetPort that is one: web=8080', parseApplication, {})
  .option('--capture', "the pod's connections are led to the sidecar, whatever they carry (weft redirect)")
  .option(
    '--calls <list>',
    'Services that it is told of, ledger,rates.market; allowed: those whose policies let its account (POD_ACCOUNT) in (default: all)',
    readCalls,
  )
  .option('--workload <name>', 'default: the label app.kubernetes.io/name or app, else the pod')
  .addOption(
    new Option('--for <program>', 'who reads it; Envoy has the token of a file beside --out, xds-token.json')
      .choices(['weft', 'envoy'])
      .default('weft'),
  )
  .option('--out <file>', 'default: standard output')
  .action(run);
