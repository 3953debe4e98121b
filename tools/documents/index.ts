import { generateCliReference } from './cli-reference.ts';

export interface GeneratedDocument {
  readonly path: string;
  readonly generate: () => Promise<string>;
}

/** Every page that is made from code; CI compares them. */
export const documents: readonly GeneratedDocument[] = [
  { path: 'docs/cli.md', generate: generateCliReference },
];
