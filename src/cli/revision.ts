// `--revision`: which of several control planes side by side a command is about.

import { InvalidArgumentError, Option } from 'commander';
import { isRevision, revisionCharsMax } from '../deploy/index.ts';

/** '' without it. */
export function revisionOption(about: string): Option {
  return new Option('--revision <name>', about).argParser(parseRevision).default('', 'none');
}

function parseRevision(text: string): string {
  if (isRevision(text)) return text;
  throw new InvalidArgumentError(
    `must be lower-case letters, digits and dashes between them, ${revisionCharsMax} at most`,
  );
}
