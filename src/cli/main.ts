// The entry of the program: finds the command, loads it alone, and turns how it ended into an exit code.

import { type Command, CommanderError } from 'commander';
import { nearestName } from '../base/index.ts';
import { type CommandEntry, Exit, exitCode } from './command.ts';
import { commands } from './commands.ts';
import { program } from './program.ts';
import { takeSmallHeap } from './small-heap.ts';
import { version } from './version.ts';

const entries: readonly CommandEntry[] = [
  ...commands,
  {
    name: 'completion',
    summary: 'print the completion script of a shell',
    load: async () => ({ command: (await import('./completion.ts')).createCompletionCommand(entries) }),
  },
];

function usage(): string {
  const width = Math.max(...entries.map((entry) => entry.name.length));
  const rows = entries.map((entry) => `  ${entry.name.padEnd(width)}  ${entry.summary}`);
  return ['Usage: weft COMMAND [OPTIONS]', '', ...rows, '', "'weft COMMAND --help' tells more."].join('\n');
}

function unknownCommand(name: string): string {
  const near = nearestName(
    name,
    entries.map((entry) => entry.name),
  );
  const hint = near === null ? '' : ` (did you mean '${near}'?)`;
  return `weft: unknown command '${name}'${hint}; '${program} help' lists them`;
}

async function run(argv: readonly string[]): Promise<void> {
  const [name, ...rest] = argv;
  if (isCniCall(argv)) return await (await import('./cni-plugin.ts')).runCniPlugin();
  if (name === 'help' && rest.length > 0) {
    await run([...rest, '--help']);
    return;
  }
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    console.log(usage());
    return;
  }
  if (name === 'version' || name === '--version' || name === '-V') {
    console.log(`weft ${version}`);
    return;
  }
  const entry = entries.find((candidate) => candidate.name === name);
  if (entry === undefined) throw new Exit(exitCode.usage, unknownCommand(name));
  if (entry.smallHeap === true) takeSmallHeap();
  const { command } = await entry.load();
  prepare(command.name(`weft ${name}`), `weft ${name}`);
  await command.parseAsync(rest, { from: 'user' });
}

/** A container runtime asks by the environment, without a word: CNI_COMMAND is the specification's. */
function isCniCall(argv: readonly string[]): boolean {
  return argv.length === 0 && process.env['CNI_COMMAND'] !== undefined;
}

/** Wrong usage is one line and 64, in a subcommand too: those take nothing over from their parent. */
function prepare(command: Command, words: string): void {
  command.exitOverride().configureOutput({
    outputError(message, write) {
      const text = message
        .replace(/^error: /, '')
        .trim()
        .replaceAll('\n', ' ');
      write(`${words}: ${text}; '${program} help ${words.replace(/^weft /, '')}' tells more\n`);
    },
  });
  for (const sub of command.commands) prepare(sub, `${words} ${sub.name()}`);
}

/** Exit code of a failure; prints what a person needs to see. */
function report(error: unknown): number {
  if (error instanceof Exit) {
    if (error.message !== '') console.error(error.message);
    return error.code;
  }
  // Commander has printed its message or the help text already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.fine : exitCode.usage;
  console.error(error);
  return exitCode.bug;
}

// Not awaited at the top: the one-file program is compiled to bytecode, which has no module to wait in.
run(process.argv.slice(2)).catch((error: unknown) => process.exit(report(error)));
