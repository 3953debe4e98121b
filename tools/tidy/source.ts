// What a tidy rule sees: one file of the tree, read once, with its place in the layers.

import { readFileSync } from 'node:fs';

export interface Source {
  /** Path from the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

export interface Finding {
  readonly path: string;
  /** 1-based; 0 for the whole file. */
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

/** A rule looks at one file and knows nothing of the others, so that it can be tested by a string. */
export interface Rule {
  readonly name: string;
  check(source: Source): readonly Omit<Finding, 'path' | 'rule'>[];
}

export function createSource(path: string, text: string): Source {
  return { path, text, lines: text.split('\n') };
}

export function readSource(path: string): Source {
  return createSource(path, readFileSync(path, 'utf8'));
}

export function isTest(path: string): boolean {
  return /\.test\.ts$|-suite\.ts$|\/testing\//.test(path);
}

export function isGenerated(path: string): boolean {
  return path.startsWith('src/xds/gen/');
}

/** The folder below src/, which is the layer's name; null outside of src/. */
export function layerOf(path: string): string | null {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? null;
}

export interface Import {
  readonly line: number;
  readonly specifier: string;
  /** Path from the root for a relative import, else null. */
  readonly target: string | null;
}

const importPattern = /(?:\bfrom\s*|\bimport\s*\(?\s*)'([^']+)'/;

export function parseImports(source: Source): Import[] {
  return source.lines.flatMap((line, index) => {
    if (/^\s*(\/\/|\*)/.test(line)) return [];
    const specifier = importPattern.exec(line)?.[1];
    if (specifier === undefined) return [];
    const target = specifier.startsWith('.') ? resolve(source.path, specifier) : null;
    return [{ line: index + 1, specifier, target }];
  });
}

function resolve(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
