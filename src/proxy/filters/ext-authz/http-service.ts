// The authorization service over HTTP: the request's own head, cut down, is the question; status and fields of the
// answer are the verdict.

import type { MeshError } from '../../../base/index.ts';
import { compileValues, type ValueMatcher } from '../../../policy/index.ts';
import { createRequestHead, type RequestHead, type ResponseHead } from '../../../wire/index.ts';
import type { ExtAuthzConfig, HttpAuthzConfig } from '../../config/filter-types.ts';
import { applyEdits, type CallOwner, ClusterCall } from '../../exchange/index.ts';
import { compileShown, matchesAny, type ShownFields } from './patterns.ts';
import type {
  AuthzService,
  FieldEdit,
  FieldLine,
  PendingVerdict,
  Question,
  Verdict,
  VerdictOwner,
} from './verdict.ts';

const nothing = new Uint8Array(0);

export class HttpAuthzService implements AuthzService {
  private readonly config: HttpAuthzConfig;
  private readonly shown: ShownFields;
  private readonly set: readonly ValueMatcher[];
  private readonly appended: readonly ValueMatcher[];
  private readonly onSuccess: readonly ValueMatcher[];
  private readonly onDenial: readonly ValueMatcher[] | null;
  private readonly noted: readonly ValueMatcher[];

  constructor(filter: ExtAuthzConfig, config: HttpAuthzConfig) {
    this.config = config;
    this.shown = compileShown(filter);
    this.set = compileValues(config.upstreamSet);
    this.appended = compileValues(config.upstreamAppended);
    this.onSuccess = compileValues(config.clientOnSuccess);
    this.onDenial = config.clientOnDenial === null ? null : compileValues(config.clientOnDenial);
    this.noted = compileValues(config.noted);
  }

  ask(question: Question, owner: VerdictOwner): PendingVerdict {
    const { cluster, timeoutMs } = this.config;
    const listener: CallOwner = {
      onCallAnswered: (head, body) => owner.onVerdict(this.verdictOf(head, body)),
      onCallFailed: (_error: MeshError) => owner.onVerdict({ kind: 'error' }),
    };
    return new ClusterCall(question.request.context, {
      cluster,
      head: this.createHead(question),
      body: question.body ?? nothing,
      timeoutMs,
      owner: listener,
    });
  }

  private createHead({ body, request, wholeBody }: Question): RequestHead {
    const { authority, headersToAdd, pathPrefix } = this.config;
    const { head } = request;
    const fields: FieldLine[] = [['content-length', `${body?.length ?? 0}`]];
    const names = new Set<string>();
    for (let index = 0; index < head.count; index++)
      if (!head.isRemoved(index)) names.add(head.nameAt(index));
    for (const name of names) {
      if (name === 'content-length' || name === 'host' || hopByHop.has(name)) continue;
      if (this.carries(name)) fields.push([name, head.getName(name) ?? '']);
    }
    if (body !== null && body.length > 0)
      fields.push(['x-envoy-auth-partial-body', wholeBody ? 'false' : 'true']);
    // CONNECT asks for no path, and would make a tunnel of the question.
    const method = head.method === 'CONNECT' ? 'GET' : head.method;
    const path = head.path.startsWith('/') ? pathPrefix + head.path : pathPrefix || '/';
    const made = createRequestHead(method, head.authority || authority, path, fields);
    if (headersToAdd !== null) applyEdits(made, headersToAdd, request);
    return made;
  }

  private carries(name: string): boolean {
    const { allowed, disallowed } = this.shown;
    if (matchesAny(disallowed, name)) return false;
    return name === 'authorization' || (allowed !== null && matchesAny(allowed, name));
  }

  private verdictOf(head: ResponseHead, body: Uint8Array): Verdict {
    if (head.status >= 500) return { kind: 'error' };
    return head.status === 200 ? this.permissionOf(head) : this.refusalOf(head, body);
  }

  private permissionOf(head: ResponseHead): Verdict {
    const request: FieldEdit[] = [];
    const response: FieldEdit[] = [];
    const notes: Record<string, unknown> = {};
    for (const [name, value] of fieldsOf(head)) {
      if (protectedNames.has(name)) continue;
      if (matchesAny(this.set, name)) request.push({ name, value, action: 'set' });
      if (matchesAny(this.appended, name)) request.push({ name, value, action: 'add' });
      if (matchesAny(this.onSuccess, name)) response.push({ name, value, action: 'add' });
      if (matchesAny(this.noted, name)) notes[name] = value;
    }
    const removed = (head.getName('x-envoy-auth-headers-to-remove') ?? '')
      .split(',')
      .map((name) => name.trim().toLowerCase())
      .filter((name) => name !== '' && !protectedNames.has(name));
    return {
      kind: 'ok',
      request,
      removed,
      response,
      querySet: [],
      queryRemoved: [],
      notes: Object.keys(notes).length === 0 ? null : notes,
    };
  }

  private refusalOf(head: ResponseHead, body: Uint8Array): Verdict {
    const { onDenial } = this;
    const fields = fieldsOf(head).filter(([name]) => {
      if (neverToClients.has(name) || hopByHop.has(name)) return false;
      return onDenial === null || alwaysToClients.has(name) || matchesAny(onDenial, name);
    });
    return { kind: 'denied', status: head.status, body, fields, notes: null };
  }
}

function fieldsOf(head: ResponseHead): readonly FieldLine[] {
  const fields: [name: string, value: string][] = [];
  for (let index = 0; index < head.count; index++)
    if (!head.isRemoved(index)) fields.push([head.nameAt(index), head.valueAt(index)]);
  return fields;
}

const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);
/** Framing and routing are not the authorizer's to say. */
const protectedNames: ReadonlySet<string> = new Set([...hopByHop, 'host', 'content-length']);
const neverToClients: ReadonlySet<string> = new Set([
  'content-length',
  'date',
  'server',
  'x-envoy-upstream-service-time',
  'x-envoy-auth-headers-to-remove',
]);
const alwaysToClients: ReadonlySet<string> = new Set(['www-authenticate', 'location']);
