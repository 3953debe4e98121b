// What a command file is, and the exits of the program. Only src/cli reads argv and the environment, and only src/cli
// exits.

import type { Command } from 'commander';
import { formatIssue, type Issue } from '../base/index.ts';

/** Each file in src/cli exports one as `command`: a commander command with its options and an async action. */
export type CliCommand = Command;

/** A row of the table of commands (commands.ts). */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** It runs for long, on a machine that it shares. */
  readonly smallHeap?: true;
  readonly load: () => Promise<{ readonly command: CliCommand }>;
}

export const exitCode = {
  /** Done, and all is well. */
  fine: 0,
  /** The thing asked about is not fine: faults found, a request lost. */
  notFine: 1,
  /** Wrong usage or configuration. */
  usage: 64,
  /** A bug of ours. */
  bug: 70,
  /** Of a pod's first container: its connections are not led through its proxy. */
  notRedirected: 126,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** Thrown by an action to end the program; main.ts prints the message, if any, and exits with the code. */
export class Exit extends Error {
  readonly code: ExitCode;

  constructor(code: ExitCode, message = '') {
    super(message);
    this.name = 'Exit';
    this.code = code;
  }
}

/** Ends with 64 and one line for each fault. */
export function exitWithIssues(issues: readonly Issue[]): never {
  throw new Exit(exitCode.usage, issues.map(formatIssue).join('\n'));
}
