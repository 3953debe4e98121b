// `weft demo`: a bank on this machine with the whole mesh around it; and, from another terminal, commands to the running one.

import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Argument, Command, Option } from 'commander';
import {
  type CommandResult,
  Demo,
  describeReport,
  readRuntimeFile,
  runBankLoad,
  runLive,
  runScripted,
  runtimeFilePath,
  type ScenarioName,
} from '../demo/index.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';

interface DemoFlags {
  readonly small?: true;
  readonly once?: true;
  readonly scenario: ScenarioName;
  readonly json?: string;
  readonly state?: string;
}

const runtimePath = runtimeFilePath(process.env['XDG_RUNTIME_DIR'] ?? tmpdir());

function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** Settles at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once, and the reaper ends its children. */
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
    runtimePath,
    terminal: process.stdout.isTTY,
    columns: () => process.stdout.columns ?? 100,
    write: (text: string) => process.stdout.write(text),
  };
  try {
    await Promise.race([runLive(demo, options, asked), asked]);
  } finally {
    print('ending every process');
    const left = await demo.stop();
    if (left.length > 0) print(`processes left: ${left.join(', ')}`);
  }
  process.exit(exitCode.fine);
}

async function once(flags: DemoFlags): Promise<void> {
  const asked = whenAsked();
  let demo: Demo | null = null;
  void asked.then(async () => {
    await demo?.stop();
    process.exit(exitCode.notFine);
  });
  const report = await runScripted(flags.scenario, demoOptions(flags), (started) => {
    demo = started;
  });
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`);
  for (const line of describeReport(report)) print(line);
  process.exit(report.fine ? exitCode.fine : exitCode.notFine);
}

async function tellRunning(words: readonly string[]): Promise<void> {
  const running = readRuntimeFile(runtimePath);
  if (running === null) throw new Exit(exitCode.notFine, 'no demo is running; start one with: weft demo');
  const response = await fetch(`${running.url}/command`, {
    method: 'POST',
    headers: { authorization: `Bearer ${running.token}` },
    body: JSON.stringify({ words }),
  });
  const { ok, message } = (await response.json()) as CommandResult;
  if (!ok) throw new Exit(exitCode.notFine, message);
  print(message);
}

function tellCommand(name: string, description: string): Command {
  return new Command(name).description(description);
}

function replicaCommand(name: string, description: string): Command {
  return tellCommand(name, description)
    .argument('<replica>', 'for instance ledger-1')
    .action(async (replica: string) => await tellRunning([name, replica]));
}

export const command: CliCommand = new Command('demo')
  .description('Run a bank on this machine with a mesh around it, or tell the running one what to suffer.')
  .option('--small', 'fewer replicas and less load, for a modest machine')
  .option('--once', 'play a script of faults and end: 0 when no request failed and the money is right')
  .addOption(
    new Option('--scenario <name>', 'the script that --once plays')
      .choices(['once', 'switch'])
      .default('once'),
  )
  .option('--json <file>', 'where --once writes its report')
  .option('--state <file>', 'keep a list of all processes in this file')
  .action(async (flags: DemoFlags) => await (flags.once === true ? once(flags) : live(flags)));

command.addCommand(
  replicaCommand('kill', 'kill a replica')
    .action(
      async (replica: string, flags: { readonly all?: true }) =>
        await tellRunning(flags.all === true ? ['kill', replica, 'all'] : ['kill', replica]),
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
      async (percent?: string) => await tellRunning(percent === undefined ? ['split'] : ['split', percent]),
    ),
);
command.addCommand(
  tellCommand('policy', 'turn retries, ejection and latency-aware balancing off, or back on')
    .addArgument(new Argument('<state>').choices(['on', 'off']))
    .action(async (state: string) => await tellRunning(['policy', state])),
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
