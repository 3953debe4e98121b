// Collects what is wrong with one resource or file, with the path of the field in its own spelling.

import type { Issue } from '../../../base/index.ts';

const valueCharsMax = 80;
/** Messages within messages: some hold themselves (protobuf's own bound is 100). */
const depthMax = 64;

export class Faults {
  readonly issues: Issue[] = [];
  private readonly object: string;
  private depth = 0;

  /** @param object the resource's name or the file's, as the user knows it. */
  constructor(object: string) {
    this.object = object;
  }

  add(field: string, rule: string, value: unknown = undefined): void {
    this.issues.push({ object: this.object, field, rule, value: shorten(value) });
  }

  /** Goes one message deeper. False: too deep, and that is a fault; else {@link leave} follows. */
  enter(path: string): boolean {
    if (this.depth >= depthMax) {
      this.add(path, `is nested deeper than ${depthMax} messages`);
      return false;
    }
    this.depth += 1;
    return true;
  }

  leave(): void {
    this.depth -= 1;
  }

  get none(): boolean {
    return this.issues.length === 0;
  }
}

function shorten(value: unknown): string {
  if (value === undefined) return '';
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > valueCharsMax ? `${text.slice(0, valueCharsMax)}...` : text;
}

export function join(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}
