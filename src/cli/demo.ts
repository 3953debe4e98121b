// `weft demo`: a bank on this machine with the whole mesh around it; and, from another terminal, commands to the
// running one.

import { closeSync, openSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { nearestName } from '../base/index.ts';
import {
  type CommandResult,
  Demo,
  DemoFault,
  describeReport,
  listRunningDemos,
  type NetworkKind,
  networkKinds,
  type RunningDemo,
  runBankLoad,
  runLive,
  runScripted,
  runtimeFolder,
  type ScenarioName,
} from '../demo/index.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import { program } from './program.ts';

interface DemoFlags {
  readonly small?: true;
  readonly once?: true;
  readonly scenario?: ScenarioName;
  readonly network?: NetworkKind;
  readonly json?: string;
  readonly state?: string;
}

/** Flags of the commands to a running demo. */
interface TellFlags {
  readonly pid?: number;
}

const runtime = runtimeFolder(process.env['XDG_RUNTIME_DIR'] ?? tmpdir());
/** A running demo answers at once. */
const answerTimeoutMs = 5000;

function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/**
 * Settles at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once, and the reaper ends its
 * children.
 */
function whenAsked(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(exitCode.notFine);
        asked = true;
        resolve();
      });
    }
  });
}

function print(line: string): void {
  console.log(line);
}

function demoOptions(flags: DemoFlags) {
  return {
    small: flags.small === true,
    network: flags.network ?? null,
    statePath: flags.state ?? null,
    temporaryFolder: tmpdir(),
    environment: environment(),
    print,
  };
}

async function live(flags: DemoFlags): Promise<void> {
  const asked = whenAsked();
  const demo = new Demo({ ...demoOptions(flags), attachment: 'sidecar', commands: true });
  print('starting the bank: a control plane, a gateway, and every replica with its sidecar');
  const options = {
    runtimeFolder: runtime,
    program,
    terminal: process.stdout.isTTY,
    columns: () => process.stdout.columns ?? 100,
    write: (text: string) => process.stdout.write(text),
  };
  try {
    await Promise.race([runLive(demo, options, asked), asked]);
  } finally {
    const summary = demo.summary();
    print('ending every process');
    const left = await demo.stop();
    for (const line of summary) print(line);
    if (left.length > 0) print(`processes left: ${left.join(', ')}`);
  }
  process.exit(exitCode.fine);
}

async function once(flags: DemoFlags): Promise<void> {
  const asked = whenAsked();
  let demo: Demo | null = null;
  void asked.then(async () => {
    const summary = demo?.summary() ?? [];
    print('interrupted: ending every process');
    await demo?.stop();
    for (const line of summary) print(line);
    process.exit(exitCode.notFine);
  });
  const report = await runScripted(flags.scenario ?? 'once', demoOptions(flags), (started) => {
    demo = started;
  });
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`);
  for (const line of describeReport(report)) print(line);
  process.exit(report.fine ? exitCode.fine : exitCode.notFine);
}

/** Refuses before anything starts what would be found at the end, or dropped in silence. */
function checkFlags(flags: DemoFlags): void {
  if (flags.once !== true && (flags.json ?? flags.scenario) !== undefined)
    throw new Exit(exitCode.usage, 'weft demo: --json and --scenario go with --once');
  for (const path of [flags.json, flags.state]) if (path !== undefined) assertWritable(path);
}

function assertWritable(path: string): void {
  try {
    closeSync(openSync(path, 'a'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Exit(exitCode.usage, `weft demo: ${path} cannot be written: ${reason}`);
  }
}

async function start(flags: DemoFlags): Promise<void> {
  const [word] = command.args;
  if (word !== undefined) throw new Exit(exitCode.usage, unknownCommand(word));
  checkFlags(flags);
  try {
    await (flags.once === true ? once(flags) : live(flags));
  } catch (error) {
    if (!(error instanceof DemoFault)) throw error;
    throw new Exit(error.kind === 'usage' ? exitCode.usage : exitCode.notFine, `weft demo: ${error.message}`);
  }
}

/** A command that also starts something by itself takes an unknown word for an argument. */
function unknownCommand(word: string): string {
  const near = nearestName(
    word,
    command.commands.map((one) => one.name()),
  );
  const hint = near === null ? '' : ` (did you mean '${near}'?)`;
  return `weft demo: unknown command '${word}'${hint}; '${program} help demo' lists them`;
}

function findRunning(pid: number | undefined): RunningDemo {
  const running = listRunningDemos(runtime);
  const wanted = pid === undefined ? running : running.filter((demo) => demo.pid === pid);
  if (wanted.length === 1) return wanted[0]!;
  if (running.length === 0)
    throw new Exit(exitCode.notFine, `no demo is running; start one with: ${program} demo`);
  const list = running.map((demo) => `${demo.pid} at ${demo.edgeUrl}`).join(', ');
  throw new Exit(exitCode.usage, `weft demo: say which demo with --pid: ${list}`);
}

async function tellRunning(words: readonly string[], flags: TellFlags): Promise<void> {
  const running = findRunning(flags.pid);
  const { ok, message } = await send(running, words);
  if (!ok) throw new Exit(exitCode.usage, `weft demo: ${message}`);
  print(message);
}

async function send(running: RunningDemo, words: readonly string[]): Promise<CommandResult> {
  try {
    const response = await fetch(`${running.url}/command`, {
      method: 'POST',
      headers: { authorization: `Bearer ${running.token}` },
      body: JSON.stringify({ words }),
      signal: AbortSignal.timeout(answerTimeoutMs),
    });
    return (await response.json()) as CommandResult;
  } catch {
    throw new Exit(exitCode.notFine, `weft demo: the demo of process ${running.pid} does not answer`);
  }
}

function parsePid(text: string): number {
  const pid = Number(text);
  if (Number.isInteger(pid) && pid > 0) return pid;
  throw new InvalidArgumentError('must be the id of a process');
}

function tellCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--pid <id>', 'which demo, by its process, where several run', parsePid);
}

function replicaCommand(name: string, description: string): Command {
  return tellCommand(name, description)
    .argument('<replica>', 'for instance ledger-1')
    .action(async (replica: string, flags: TellFlags) => await tellRunning([name, replica], flags));
}

export const command: CliCommand = new Command('demo')
  .description('Run a bank on this machine with a mesh around it, or tell the running one what to suffer.')
  .option('--small', 'fewer replicas and less load, for a modest machine')
  .option('--once', 'play a script of faults and end: 0 when no request failed and the money is right')
  .addOption(
    new Option('--scenario <name>', 'the script that --once plays: once (the default) or switch').choices([
      'once',
      'switch',
    ]),
  )
  .addOption(
    new Option(
      '--network <kind>',
      'where the pods live: namespaces of their own, whose sidecars capture what they call (where root may), or loopback',
    ).choices(networkKinds),
  )
  .option('--json <file>', 'where --once writes its report')
  .option('--state <file>', 'keep a list of all processes in this file')
  .allowExcessArguments()
  .action(start);

command.addCommand(
  replicaCommand('kill', 'kill a replica')
    .action(
      async (replica: string, flags: TellFlags & { readonly all?: true }) =>
        await tellRunning(flags.all === true ? ['kill', replica, 'all'] : ['kill', replica], flags),
    )
    .option('--all', 'its sidecar too'),
);
command.addCommand(replicaCommand('pause', 'stop a replica where it is: it takes requests and answers none'));
command.addCommand(replicaCommand('slow', 'make 10 ms of work 200 ms'));
command.addCommand(replicaCommand('break', 'make it answer 503 to everything'));
command.addCommand(replicaCommand('heal', 'undo pause, slow and break'));
command.addCommand(
  tellCommand('split', 'send a share of the calls to pricing to its version 2')
    .argument('[percent]', '0 to 100; without it, on or off')
    .action(
      async (percent: string | undefined, flags: TellFlags) =>
        await tellRunning(percent === undefined ? ['split'] : ['split', percent], flags),
    ),
);
command.addCommand(
  tellCommand('policy', 'turn retries, ejection and latency-aware balancing off, or back on')
    .addArgument(new Argument('<state>').choices(['on', 'off']))
    .action(async (state: string, flags: TellFlags) => await tellRunning(['policy', state], flags)),
);
command.addCommand(
  new Command('bank-load').description("the bank's clients; the demo starts it").action(async () => {
    // Written as they come: a line lost at the end would be a transfer that nobody checks.
    await runBankLoad(console, (line) => {
      process.stdout.write(`${line}\n`);
    });
    process.exit(exitCode.fine);
  }),
  { hidden: true },
);
