// Requests and answers as filters of users' own see them: nothing that could break a message passes, and nothing works
// when its time is over, because the objects behind are those of the next request by then.

import { authorityFault, fieldValueFault, requestPathFault } from '../../../policy/index.ts';
import { createRequestHead, type Head, type ResponseHead } from '../../../wire/index.ts';
import { ClusterCall, clientOf, type RequestState, rematch } from '../../exchange/index.ts';
import { say } from '../filter.ts';
import type { FilterCall, FilterCallAnswer, FilterHeaders, FilterRequest, FilterResponse } from './api.ts';

const nothing = new Uint8Array(0);
const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const callTimeoutMs = 1_000;

/** Shared by all views of one request: whether its objects may be touched now. */
export class Lease {
  open = true;

  check(): void {
    if (!this.open) throw new Error('the request is over, or goes on without the filter');
  }
}

export class HeadersView implements FilterHeaders {
  private readonly head: Head;
  private readonly lease: Lease;

  constructor(head: Head, lease: Lease) {
    this.head = head;
    this.lease = lease;
  }

  get(name: string): string | null {
    this.lease.check();
    return this.head.getName(name.toLowerCase());
  }

  set(name: string, value: string): void {
    this.delete(name);
    this.add(name, value);
  }

  add(name: string, value: string): void {
    this.lease.check();
    const lower = name.toLowerCase();
    if (!token.test(lower) || fixedNames.has(lower)) throw new TypeError(`no field that may be set: ${name}`);
    const fault = fieldValueFault(value);
    if (fault !== null) throw new TypeError(`${name} ${fault}`);
    this.head.add(lower, value);
  }

  delete(name: string): void {
    this.lease.check();
    const lower = name.toLowerCase();
    if (fixedNames.has(lower)) throw new TypeError(`no field that may be taken off: ${name}`);
    this.head.removeName(lower);
  }

  entries(): readonly (readonly [name: string, value: string])[] {
    this.lease.check();
    const entries: [name: string, value: string][] = [];
    for (let index = 0; index < this.head.count; index++)
      if (!this.head.isRemoved(index)) entries.push([this.head.nameAt(index), this.head.valueAt(index)]);
    return entries;
  }
}

/** How a message is framed is the codec's affair: a filter that could say it could smuggle. */
const fixedNames: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
]);

export class RequestView implements FilterRequest {
  readonly headers: FilterHeaders;
  readonly state = new Map<string, unknown>();
  private readonly request: RequestState;
  private readonly lease: Lease;
  private readonly filter: string;
  body: Uint8Array = nothing;

  constructor(request: RequestState, lease: Lease, filter: string) {
    this.request = request;
    this.lease = lease;
    this.filter = filter;
    this.headers = new HeadersView(request.head, lease);
  }

  private get now(): RequestState {
    this.lease.check();
    return this.request;
  }

  get method(): string {
    return this.now.head.method;
  }

  get path(): string {
    return this.now.head.path;
  }

  set path(path: string) {
    const fault = requestPathFault(path);
    if (fault !== null) throw new TypeError(`path ${fault}`);
    this.now.head.path = path;
  }

  get authority(): string {
    return this.now.head.authority;
  }

  set authority(authority: string) {
    const fault = authorityFault(authority);
    if (fault !== null) throw new TypeError(`authority ${fault}`);
    this.now.head.authority = authority;
  }

  get clientAddress(): string {
    return clientOf(this.now);
  }

  get routeName(): string {
    return this.now.route?.name ?? '';
  }

  get clusterName(): string {
    return this.now.weighted?.cluster ?? '';
  }

  metadata(filter: string): Readonly<Record<string, unknown>> | undefined {
    return this.now.metadata?.get(filter);
  }

  note(values: Readonly<Record<string, unknown>>): void {
    say(this.now, this.filter, values);
  }

  findRoute(): void {
    rematch(this.now);
  }

  call(cluster: string, call: FilterCall): Promise<FilterCallAnswer> {
    const { context, head } = this.now;
    const body = typeof call.body === 'string' ? Buffer.from(call.body) : (call.body ?? nothing);
    const made = createRequestHead(call.method ?? 'GET', call.authority ?? head.authority, call.path, [
      ['content-length', `${body.length}`],
    ]);
    const fault = requestPathFault(call.path);
    if (fault !== null) throw new TypeError(`path ${fault}`);
    const headers = new HeadersView(made, this.lease);
    for (const [name, value] of Object.entries(call.headers ?? {})) headers.set(name, value);
    return new Promise((resolve, reject) => {
      new ClusterCall(context, {
        cluster,
        head: made,
        body,
        timeoutMs: call.timeoutMs ?? callTimeoutMs,
        owner: {
          onCallAnswered: (answer, bytes) =>
            resolve({ status: answer.status, headers: copyOf(answer), body: bytes }),
          onCallFailed: reject,
        },
      }).start();
    });
  }
}

/** An answer's head is its connection's, which goes on. */
function copyOf(head: ResponseHead): FilterHeaders {
  const lease = new Lease();
  const entries = new HeadersView(head, lease).entries();
  return new HeadersView(createRequestHead('', '', '', entries), lease);
}

export class ResponseView implements FilterResponse {
  readonly headers: FilterHeaders;
  readonly status: number;

  constructor(head: ResponseHead, lease: Lease) {
    this.headers = new HeadersView(head, lease);
    this.status = head.status;
  }
}
