// `weft completion SHELL`: completion of command names, their subcommands, choices and long options, generated from the
// commands' own definitions.

import { Argument, Command } from 'commander';
import type { CliCommand, CommandEntry } from './command.ts';

export interface CompletionEntry {
  readonly name: string;
  readonly summary: string;
  /** Long option names with their dashes. */
  readonly options: readonly string[];
  /** What may stand as its first argument, where that is a closed list. */
  readonly choices: readonly string[];
  readonly subcommands: readonly CompletionEntry[];
}

/** Words after `weft COMMAND`, and after `weft COMMAND SUBCOMMAND`. */
function wordsOf(entry: CompletionEntry): string {
  const names = entry.subcommands.map(({ name }) => name);
  return [...names, ...entry.choices, ...entry.options].join(' ');
}

const generators = {
  bash(entries: readonly CompletionEntry[]): string {
    const cases = entries.flatMap((entry) => [
      ...entry.subcommands.map((sub) => `    ${entry.name}\\ ${sub.name}\\ *) words="${wordsOf(sub)}" ;;`),
      `    ${entry.name}\\ *) words="${wordsOf(entry)}" ;;`,
    ]);
    const names = [...entries.map((entry) => entry.name), 'help'].join(' ');
    return [
      '_weft() {',
      '  local words at=1',
      `  [ "\${COMP_WORDS[1]}" = help ] && at=2`,
      `  if [ "$COMP_CWORD" -eq "$at" ] || [ "$COMP_CWORD" -eq 1 ]; then words="${names}"`,
      `  else case "\${COMP_WORDS[*]:1:COMP_CWORD} " in`,
      ...cases,
      '  esac; fi',
      '  COMPREPLY=($(compgen -o default -W "$words" -- "$2"))',
      '}',
      'complete -o default -F _weft weft',
    ].join('\n');
  },

  zsh(entries: readonly CompletionEntry[]): string {
    const names = entries.map((entry) => `'${entry.name}:${entry.summary}'`).join(' ');
    const cases = entries.flatMap((entry) => [
      ...entry.subcommands.map(
        (sub) => `    '${entry.name} ${sub.name} '*) compadd -- ${wordsOf(sub)}; _files ;;`,
      ),
      `    '${entry.name} '*) compadd -- ${wordsOf(entry)}; _files ;;`,
    ]);
    return [
      '#compdef weft',
      '_weft() {',
      `  local -a names=(${names} 'help:explain a command')`,
      '  if (( CURRENT == 2 )) || [[ $words[2] = help ]]; then _describe command names',
      `  else case "\${words[2,CURRENT]} " in`,
      ...cases,
      '  esac; fi',
      '}',
      'compdef _weft weft',
    ].join('\n');
  },

  fish(entries: readonly CompletionEntry[]): string {
    const option = (of: string, long: string) =>
      `complete -c weft -n '__fish_seen_subcommand_from ${of}' -l ${long.slice(2)}`;
    const word = (of: string, name: string, summary: string) =>
      `complete -c weft -n '__fish_seen_subcommand_from ${of}' -a ${name}${summary === '' ? '' : ` -d '${summary}'`}`;
    return entries
      .flatMap((entry) => [
        `complete -c weft -n __fish_use_subcommand -a ${entry.name} -d '${entry.summary}'`,
        word('help', entry.name, ''),
        ...entry.options.map((long) => option(entry.name, long)),
        ...entry.choices.map((choice) => word(entry.name, choice, '')),
        ...entry.subcommands.flatMap((sub) => [
          word(entry.name, sub.name, sub.summary),
          ...sub.choices.map((choice) => word(sub.name, choice, '')),
          ...sub.options.map((long) => option(sub.name, long)),
        ]),
      ])
      .join('\n');
  },
};

type Shell = keyof typeof generators;

export function encodeCompletion(shell: Shell, entries: readonly CompletionEntry[]): string {
  return generators[shell](entries);
}

/** `summary`: a shell may show it, so it holds no quote. */
function describe(command: Command, name: string, summary: string): CompletionEntry {
  const visible = command.createHelp().visibleCommands(command);
  const options = command.options.filter(({ hidden }) => !hidden).flatMap(({ long }) => long ?? []);
  return {
    name,
    summary: summary.replaceAll(/['"`$\\]/g, ''),
    options: [...options, '--help'],
    choices: command.registeredArguments[0]?.argChoices ?? [],
    subcommands: visible
      .filter((sub) => sub.name() !== 'help')
      .map((sub) => describe(sub, sub.name(), sub.summary() || sub.description())),
  };
}

async function loadEntries(commands: readonly CommandEntry[]): Promise<CompletionEntry[]> {
  return await Promise.all(
    commands.map(async ({ name, summary, load }) => describe((await load()).command, name, summary)),
  );
}

/** `commands`: all of them, this one included. */
export function createCompletionCommand(commands: readonly CommandEntry[]): CliCommand {
  return new Command('completion')
    .description('Print the completion script of a shell, to be sourced from its start-up file.')
    .addArgument(new Argument('<shell>', 'whose script').choices(Object.keys(generators)))
    .action(async (shell: Shell) => {
      console.log(encodeCompletion(shell, await loadEntries(commands)));
    });
}
