// The CNI plugin (https://www.cni.dev/docs/spec/, 0.3.0 to 1.1.0), chained behind the one that makes a pod's network.
// It decides nothing and holds no credentials: the agent of the node does what is asked, and while that is away no pod
// gets a network, rather than one past its proxy.

import { isIP } from 'node:net';
import { fieldOf, isRecord, type KubeObject, textOf } from '../../control/index.ts';
import { type AgentPod, type AgentQuestion, agentSocket, type CniError, cniCodes } from './types.ts';

/** Lists with a `prevResult` begin with 0.3.0. */
export const cniVersions = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;

export interface PluginCall {
  /** CNI_COMMAND, CNI_NETNS, CNI_ARGS ... */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The network's configuration, JSON. */
  readonly input: string;
}

export interface PluginEnd {
  readonly code: 0 | 1;
  /** For standard output. */
  readonly out: string;
}

/** null: done; a rejection is one that cannot be reached. */
export type AskAgent = (socket: string, question: AgentQuestion) => Promise<CniError | null>;

export async function answerPlugin(call: PluginCall, ask: AskAgent): Promise<PluginEnd> {
  const config = parseConfig(call.input);
  if (config === null) return failed('', error(cniCodes.decode, 'the configuration is no JSON object'));
  const version = textOf(config, 'cniVersion') || '0.1.0';
  const command = call.environment['CNI_COMMAND'] ?? '';
  if (command === 'VERSION') return done({ cniVersion: version, supportedVersions: cniVersions });
  if (!cniVersions.some((one) => one === version))
    return failed(
      version,
      error(
        cniCodes.version,
        'the version is not supported',
        `${version}; these are: ${cniVersions.join(', ')}`,
      ),
    );
  // Nothing is kept from one call to the next: what belongs to a network goes with it.
  if (command === 'GC') return done(null);
  const question = readQuestion(command, call.environment, config);
  if ('code' in question) return failed(version, question);
  const fault = await askSafely(ask, textOf(config, 'socket') || agentSocket, question);
  // The network goes in any case, and the specification wants DEL to succeed where nothing is left.
  if (fault !== null && command !== 'DEL') return failed(version, fault);
  return done(command === 'ADD' ? config['prevResult'] : null);
}

function parseConfig(input: string): KubeObject | null {
  try {
    const config: unknown = JSON.parse(input);
    return isRecord(config) ? config : null;
  } catch {
    return null;
  }
}

function readQuestion(
  command: string,
  environment: PluginCall['environment'],
  config: KubeObject,
): AgentQuestion | CniError {
  const netns = environment['CNI_NETNS'] ?? '';
  if (command === 'STATUS') return { command, netns: '', pod: null, gateways: [] };
  if (command !== 'ADD' && command !== 'DEL' && command !== 'CHECK')
    return error(cniCodes.environment, 'CNI_COMMAND is not known', command);
  const wanted = ['CNI_CONTAINERID', 'CNI_IFNAME', ...(command === 'DEL' ? [] : ['CNI_NETNS'])];
  const lacking = wanted.filter((name) => (environment[name] ?? '') === '');
  if (lacking.length > 0) return error(cniCodes.environment, 'the environment lacks', lacking.join(', '));
  if (command !== 'DEL' && !isRecord(config['prevResult']))
    return error(cniCodes.configuration, 'it must be chained behind another plugin: there is no prevResult');
  return { command, netns, pod: readPod(environment['CNI_ARGS'] ?? ''), gateways: listGateways(config) };
}

/** `K8S_POD_NAMESPACE=shop;K8S_POD_NAME=caller;...`, as every runtime under a kubelet says it. */
function readPod(args: string): AgentPod | null {
  const said = new Map(
    args.split(';').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
  const [namespace, name] = [said.get('K8S_POD_NAMESPACE') ?? '', said.get('K8S_POD_NAME') ?? ''];
  if (namespace === '' || name === '') return null;
  return { namespace, name, uid: said.get('K8S_POD_UID') ?? '' };
}

function listGateways(config: KubeObject): readonly string[] {
  const ips = fieldOf(config, 'prevResult', 'ips');
  const gateways = Array.isArray(ips) ? ips.map((ip) => textOf(ip, 'gateway')) : [];
  return gateways.filter((gateway) => isIP(gateway) !== 0);
}

async function askSafely(ask: AskAgent, socket: string, question: AgentQuestion): Promise<CniError | null> {
  try {
    return await ask(socket, question);
  } catch (cause) {
    const code = question.command === 'STATUS' ? cniCodes.unavailable : cniCodes.tryAgain;
    return error(code, "the agent of this node's mesh does not answer", `${socket}: ${String(cause)}`);
  }
}

function error(code: number, msg: string, details = ''): CniError {
  return { code, msg: `weft: ${msg}`, details };
}

function done(result: unknown): PluginEnd {
  return { code: 0, out: result === null ? '' : `${JSON.stringify(result)}\n` };
}

function failed(cniVersion: string, fault: CniError): PluginEnd {
  return { code: 1, out: `${JSON.stringify({ cniVersion: cniVersion || '1.0.0', ...fault })}\n` };
}
