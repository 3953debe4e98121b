// A request, as the policy override_host asks it and tells it: its head, and what filters say of it.

import type { RequestHead } from '../../wire/index.ts';
import type { HostNotes } from '../upstream/index.ts';
import { firstValue } from './first-value.ts';

type Values = Readonly<Record<string, unknown>>;

/** What of a request they are about. */
interface NotedRequest {
  readonly head: RequestHead;
  metadata: Map<string, Values> | null;
}

export class RequestNotes implements HostNotes {
  hosts: string[] | null = null;
  private readonly request: NotedRequest;

  constructor(request: NotedRequest) {
    this.request = request;
  }

  header(name: string): string | null {
    return firstValue(this.request.head, name);
  }

  said(key: string, path: readonly string[]): unknown {
    let value: unknown = this.request.metadata?.get(key);
    for (const step of path) value = isValues(value) ? value[step] : undefined;
    return value;
  }

  say(key: string, path: readonly string[], value: string): void {
    const { request } = this;
    request.metadata ??= new Map();
    const before: Values = request.metadata.get(key) ?? {};
    request.metadata.set(key, write(before, path, value) as Values);
  }
}

function write(before: unknown, [step, ...rest]: readonly string[], value: string): unknown {
  if (step === undefined) return value;
  const values = isValues(before) ? before : {};
  return { ...values, [step]: write(values[step], rest, value) };
}

function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
