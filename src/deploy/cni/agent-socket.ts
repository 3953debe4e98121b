// Between the plugin and the agent of its node: HTTP over a Unix socket in a folder that root alone may enter.

import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { isRecord } from '../../control/index.ts';
import type { CniAgent } from './agent.ts';
import type { AskAgent } from './plugin.ts';
import { type AgentQuestion, type CniError, cniBytesMax, cniCodes } from './types.ts';

/** Kubelets wait two minutes for a pod's network at most; a slow API server is asked again by them. */
const answerMs = 30_000;

export interface AgentServer {
  /** Questions that were asked are answered first. */
  stop(): Promise<void>;
}

/** Throws where the path cannot be listened on. What an agent before it left there goes. */
export function serveAgent(path: string, agent: CniAgent): AgentServer {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  const options = {
    unix: path,
    maxRequestBodySize: cniBytesMax,
    // Longer than the plugin waits: it is the one to give up. Bun heeds it here too, where its types have none.
    idleTimeout: (2 * answerMs) / 1000,
    fetch: async (request: Request) => Response.json({ error: await answer(agent, request) }),
  };
  const server = Bun.serve(options as Omit<typeof options, 'idleTimeout'>);
  chmodSync(path, 0o600);
  return {
    async stop() {
      await server.stop();
      rmSync(path, { force: true });
    },
  };
}

async function answer(agent: CniAgent, request: Request): Promise<CniError | null> {
  const question: unknown = await request.json().catch(() => null);
  if (!isQuestion(question))
    return { code: cniCodes.decode, msg: 'weft: the question is not understood', details: '' };
  return await agent.answer(question);
}

const commands: readonly unknown[] = ['ADD', 'DEL', 'CHECK', 'STATUS'] satisfies AgentQuestion['command'][];

/** The plugin may be of another version: its agent was replaced. */
function isQuestion(value: unknown): value is AgentQuestion {
  return (
    isRecord(value) &&
    commands.includes(value['command']) &&
    typeof value['netns'] === 'string' &&
    Array.isArray(value['gateways']) &&
    (value['pod'] === null || isRecord(value['pod']))
  );
}

export const askAgent: AskAgent = async (path, question) => {
  const response = await fetch('http://agent/', {
    unix: path,
    method: 'POST',
    body: JSON.stringify(question),
    signal: AbortSignal.timeout(answerMs),
  });
  const body: unknown = await response.json();
  if (!response.ok || !isRecord(body)) throw new Error(`it answered ${response.status}`);
  return body['error'] as CniError | null;
};
