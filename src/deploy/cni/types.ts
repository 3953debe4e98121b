// What the CNI plugin asks the agent of its node, and the answers: JSON over a Unix socket that root alone may open.

/** Codes of errors: 1 to 99 are the specification's (https://www.cni.dev/docs/spec/#error), from 100 on ours. */
export const cniCodes = {
  version: 1,
  environment: 4,
  decode: 6,
  configuration: 7,
  /** The runtime is to ask again. */
  tryAgain: 11,
  /** STATUS: no ADD would do. */
  unavailable: 50,
  /** The rules could not be set. */
  rules: 100,
  /** CHECK: the rules are not there. */
  lacking: 101,
} as const;

export interface CniError {
  readonly code: number;
  /** A sentence, without the details. */
  readonly msg: string;
  readonly details: string;
}

export interface AgentQuestion {
  readonly command: 'ADD' | 'DEL' | 'CHECK' | 'STATUS';
  /** Path of the network namespace; '': it is gone. */
  readonly netns: string;
  /** null: whoever asks is no Kubernetes. */
  readonly pod: AgentPod | null;
  /** The node's addresses on the pod's links. */
  readonly gateways: readonly string[];
}

export interface AgentPod {
  readonly namespace: string;
  readonly name: string;
  /** '': the runtime did not say. */
  readonly uid: string;
}

/** Where the agent listens, of the node's own file system. */
export const agentSocket = '/run/weft-cni/agent.sock';
/** The type of the plugin in a network's list, and its file's name. */
export const pluginName = 'weft-cni';
/** A question, or a network's list. */
export const cniBytesMax = 1024 * 1024;
