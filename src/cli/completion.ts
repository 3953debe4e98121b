// `weft completion SHELL`: completion of command names and their long options, generated from the commands' own definitions.

import { Argument, Command } from 'commander';
import type { CliCommand, CommandEntry } from './command.ts';

export interface CompletionEntry {
  readonly name: string;
  readonly summary: string;
  /** Long option names with their dashes. */
  readonly options: readonly string[];
}

const generators = {
  bash(entries: readonly CompletionEntry[]): string {
    const cases = entries.map((entry) => `    ${entry.name}) words="${entry.options.join(' ')}" ;;`);
    return [
      '_weft() {',
      '  local words',
      `  if [ "$COMP_CWORD" -eq 1 ]; then words="${entries.map((entry) => entry.name).join(' ')}"; else case "\${COMP_WORDS[1]}" in`,
      ...cases,
      '  esac; fi',
      '  COMPREPLY=($(compgen -o default -W "$words" -- "$2"))',
      '}',
      'complete -o default -F _weft weft',
    ].join('\n');
  },

  zsh(entries: readonly CompletionEntry[]): string {
    const names = entries.map((entry) => `'${entry.name}:${entry.summary}'`).join(' ');
    const cases = entries.map(
      (entry) => `    ${entry.name}) compadd -- ${entry.options.join(' ')}; _files ;;`,
    );
    return [
      '#compdef weft',
      '_weft() {',
      `  local -a names=(${names})`,
      '  if (( CURRENT == 2 )); then _describe command names; else case $words[2] in',
      ...cases,
      '  esac; fi',
      '}',
      'compdef _weft weft',
    ].join('\n');
  },

  fish(entries: readonly CompletionEntry[]): string {
    return entries
      .flatMap((entry) => [
        `complete -c weft -n __fish_use_subcommand -a ${entry.name} -d '${entry.summary}'`,
        ...entry.options.map(
          (option) => `complete -c weft -n '__fish_seen_subcommand_from ${entry.name}' -l ${option.slice(2)}`,
        ),
      ])
      .join('\n');
  },
};

type Shell = keyof typeof generators;

export function encodeCompletion(shell: Shell, entries: readonly CompletionEntry[]): string {
  return generators[shell](entries);
}

async function loadEntries(commands: readonly CommandEntry[]): Promise<CompletionEntry[]> {
  return await Promise.all(
    commands.map(async ({ name, summary, load }) => {
      const { command: loaded } = await load();
      const options = loaded.options.flatMap((option) => option.long ?? []);
      return { name, summary, options: [...options, '--help'] };
    }),
  );
}

export function createCompletionCommand(commands: readonly CommandEntry[]): CliCommand {
  return new Command('completion')
    .description('Print the completion script of a shell, to be sourced from its start-up file.')
    .addArgument(new Argument('<shell>', 'whose script').choices(Object.keys(generators)))
    .action(async (shell: Shell) => {
      console.log(encodeCompletion(shell, await loadEntries(commands)));
    });
}
