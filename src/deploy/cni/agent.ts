// The agent of a node: sets the rules of the pods that carry the annotation, in their network, when the plugin asks. It
// alone speaks with the API server; what it cannot learn it refuses, and the kubelet asks again.

import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Log } from '../../base/index.ts';
import { fieldOf, type KubeApi, type KubeObject, textOf } from '../../control/index.ts';
import type { RedirectOptions } from '../redirect.ts';
import { type Enter, hasRules, type RulesTool, readGateways, setRules } from '../set-rules.ts';
import { AgentCounts } from './agent-counts.ts';
import { parseRedirectNote, type RedirectNote, redirectAnnotation } from './redirect-note.ts';
import { type AgentPod, type AgentQuestion, type CniError, cniCodes } from './types.ts';

export interface CniAgentOptions {
  readonly api: KubeApi;
  readonly tool: RulesTool;
  /** The node's own, from which its kubelet probes. */
  readonly nodeAddresses: readonly string[];
  readonly log: Log;
}

/** A pod's note; null: it has none, and is left alone. */
type Learnt = { readonly note: RedirectNote | null } | { readonly fault: CniError };

export class CniAgent {
  readonly counts = new AgentCounts();
  private readonly options: CniAgentOptions;

  constructor(options: CniAgentOptions) {
    this.options = options;
  }

  /** null: done, or nothing was to do. */
  async answer(question: AgentQuestion): Promise<CniError | null> {
    const fault = await this.act(question);
    this.counts.add(question.command, fault);
    return fault;
  }

  private async act(question: AgentQuestion): Promise<CniError | null> {
    const { command, netns, pod, gateways } = question;
    if (command === 'STATUS') return null;
    if (command === 'DEL') return await this.clean(netns);
    if (pod === null) return null;
    const learnt = await this.learn(pod);
    const fault =
      'fault' in learnt
        ? learnt.fault
        : learnt.note === null
          ? null
          : command === 'ADD'
            ? await this.add(learnt.note, netns, gateways)
            : await this.check(netns);
    const said = { command, namespace: pod.namespace, pod: pod.name };
    if (fault !== null) this.options.log.write('warn', fault.msg, { ...said, details: fault.details });
    else if ('note' in learnt && learnt.note !== null && command === 'ADD')
      this.options.log.write('info', 'a pod is led through its proxy', said);
    return fault;
  }

  /** Of a pod whose network was made past the plugin: sets its rules where they are lacking. True: they were. */
  async mend(pod: KubeObject, netns: string): Promise<boolean> {
    const learnt = readNote(pod);
    const enter = enterNetwork(netns);
    if ('fault' in learnt || learnt.note === null || enter === null) return false;
    if (await hasRules(this.options.tool, enter)) return false;
    const failure = await this.add(learnt.note, netns, []);
    const said = { namespace: textOf(pod, 'metadata', 'namespace'), pod: textOf(pod, 'metadata', 'name') };
    if (failure === null) {
      this.counts.mended++;
      this.options.log.write('warn', 'a pod was made past the plugin, and is mended', said);
    } else this.options.log.write('warn', failure.msg, { ...said, details: failure.details });
    return failure === null;
  }

  private async learn({ namespace, name, uid }: AgentPod): Promise<Learnt> {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
    const answer = await this.options.api.request({ method: 'GET', path });
    if (!answer.ok) return { fault: tryAgain('the API server does not answer', answer.error.message) };
    const { status, body } = answer.value;
    // A pod of the node's own files, which no webhook has seen; or one that is gone again.
    if (status === 404) return { note: null };
    if (status !== 200)
      return { fault: tryAgain('the pod cannot be read', `${status} ${textOf(body, 'message')}`) };
    if (uid !== '' && textOf(body, 'metadata', 'uid') !== uid)
      return { fault: tryAgain('another pod has its name', `${namespace}/${name}`) };
    return readNote(body);
  }

  private async add(
    { outbound, inbound, skip, cidrs, interfaces }: RedirectNote,
    netns: string,
    gateways: readonly string[],
  ): Promise<CniError | null> {
    const enter = enterNetwork(netns);
    if (enter === null) return fault(cniCodes.environment, 'CNI_NETNS is no absolute path', netns);
    if (isOwnNetwork(netns)) return fault(cniCodes.environment, "it is the node's own network", netns);
    const sources = [...this.options.nodeAddresses, ...gateways, ...(await readGateways(enter))];
    const rules: RedirectOptions = {
      outboundPorts: outbound,
      inboundPorts: inbound,
      skipPorts: skip,
      skipSources: [...new Set(sources.filter((address) => isIP(address) !== 0))],
      skipDestinations: cidrs,
      skipInterfaces: interfaces,
    };
    const failure = await setRules(this.options.tool, rules, enter);
    return failure === null ? null : fault(cniCodes.rules, 'the rules of the pod cannot be set', failure);
  }

  private async check(netns: string): Promise<CniError | null> {
    const enter = enterNetwork(netns);
    const there = enter !== null && (await hasRules(this.options.tool, enter));
    return there ? null : fault(cniCodes.lacking, 'the pod is not led through its proxy', netns);
  }

  /** Where the network is still there; it may be another's next, as with a runtime that keeps some ready. */
  private async clean(netns: string): Promise<CniError | null> {
    const enter = enterNetwork(netns);
    if (enter !== null && (await hasRules(this.options.tool, enter)))
      await setRules(this.options.tool, null, enter);
    return null;
  }
}

function readNote(pod: KubeObject): Learnt {
  const text = fieldOf(pod, 'metadata', 'annotations', redirectAnnotation);
  if (text === undefined) return { note: null };
  const note = typeof text === 'string' ? parseRedirectNote(text) : null;
  if (note !== null) return { note };
  return {
    fault: fault(
      cniCodes.configuration,
      `the annotation ${redirectAnnotation} is not understood`,
      String(text),
    ),
  };
}

/** Words of util-linux. What comes after `--net=` is one word, so the path cannot be taken for anything else. */
function enterNetwork(netns: string): Enter | null {
  return netns.startsWith('/') ? ['nsenter', `--net=${netns}`, '--'] : null;
}

/**
 * The agent has its node's network. Rules there would lead the whole node through a proxy that it has not: what a pod's
 * process was may be another's by now.
 */
function isOwnNetwork(netns: string): boolean {
  try {
    const [asked, own] = [statSync(netns), statSync('/proc/self/ns/net')];
    return asked.dev === own.dev && asked.ino === own.ino;
  } catch {
    // It is not there, which who enters it finds out.
    return false;
  }
}

function tryAgain(msg: string, details: string): CniError {
  return fault(cniCodes.tryAgain, msg, details);
}

function fault(code: number, msg: string, details: string): CniError {
  return { code, msg: `weft: ${msg}`, details };
}
