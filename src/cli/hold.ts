// `weft hold`: what the hooks of an ordinary sidecar run (before Kubernetes 1.29). Waits for the proxy beside it to
// serve, or for everybody else in the pod to be done with the network.

import { existsSync, readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { hasOthersSockets, proxyUser } from '../deploy/index.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';

interface HoldFlags {
  readonly ready?: string;
  readonly alone?: number;
}

const lookMs = 200;
const readySeconds = 120;

async function run({ ready, alone }: HoldFlags): Promise<void> {
  if ((ready === undefined) === (alone === undefined))
    throw new Exit(exitCode.usage, 'weft hold: wants --ready or --alone');
  if (ready !== undefined) await holdUntilReady(ready);
  else if (alone !== undefined) await holdUntilAlone(alone);
}

async function holdUntilReady(address: string): Promise<void> {
  const untilMs = performance.now() + readySeconds * 1000;
  while (performance.now() < untilMs) {
    const answer = await fetch(`http://${address}/ready`, { signal: AbortSignal.timeout(1000) }).catch(
      () => null,
    );
    if (answer?.ok === true) return;
    await Bun.sleep(lookMs);
  }
  throw new Exit(exitCode.notFine, `weft hold: the proxy is not ready after ${readySeconds} s`);
}

/** Ends in order also when the time is over: the pod has to go. */
async function holdUntilAlone(seconds: number): Promise<void> {
  const untilMs = performance.now() + seconds * 1000;
  while (performance.now() < untilMs && othersUseNetwork()) await Bun.sleep(lookMs);
}

function othersUseNetwork(): boolean {
  return ['/proc/net/tcp', '/proc/net/tcp6'].some(
    (path) => existsSync(path) && hasOthersSockets(readFileSync(path, 'latin1'), proxyUser),
  );
}

function parseReady(text: string): string {
  const port = Number(/^(?:\[[0-9a-fA-F:.]+\]|[^:[\]/]+):(\d{1,5})$/.exec(text)?.[1]);
  if (port >= 1 && port <= 65_535) return text;
  throw new InvalidArgumentError('must be HOST:PORT');
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= 86_400) return seconds;
  throw new InvalidArgumentError('must be 1 to 86400 seconds');
}

export const command: CliCommand = new Command('hold')
  .description('Wait, as the hooks of a sidecar do that is an ordinary container.')
  .option('--ready <host:port>', 'until the proxy there is ready', parseReady)
  .option(
    '--alone <seconds>',
    'until nobody but the proxy listens or is connected in this network, for so long at most',
    parseSeconds,
  )
  .action(run);
