// envoy.filters.http.ext_authz over HTTP: another service says whether a request may go on, and what is to be changed
// about it. While it is asked the request waits, its body held within a bound.

import type { MeshError } from '../../base/index.ts';
import { AccessMetadata, compileValues, type ValueMatcher } from '../../policy/index.ts';
import { createRequestHead, type RequestHead, type ResponseHead } from '../../wire/index.ts';
import type { AuthzBody, ExtAuthzConfig, ListenerFilterConfig } from '../config/filter-types.ts';
import {
  type Answerer,
  type Authorizer,
  applyEdits,
  type CallOwner,
  ClusterCall,
  type Denial,
  type RequestState,
  rematch,
  type Waiter,
} from '../exchange/index.ts';
import { type FilterSample, responseFlags } from '../stats/index.ts';
import { denial, drawn, type HttpFilter, saidTo, say } from './filter.ts';

const tooLarge = denial(413, 'Payload Too Large', 'request_payload_too_large');
const nothing = new Uint8Array(0);

/** Compiled patterns of field names; the lists of {@link ExtAuthzConfig}. */
interface Patterns {
  readonly allowed: readonly ValueMatcher[] | null;
  readonly disallowed: readonly ValueMatcher[];
  readonly set: readonly ValueMatcher[];
  readonly appended: readonly ValueMatcher[];
  readonly onSuccess: readonly ValueMatcher[];
  readonly onDenial: readonly ValueMatcher[] | null;
  readonly noted: readonly ValueMatcher[];
}

export class ExtAuthzFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  readonly config: ExtAuthzConfig;
  readonly patterns: Patterns;
  readonly counts = { ok: 0, denied: 0, error: 0, disabled: 0, failure_mode_allowed: 0 };
  /** By the name of the cluster that a request would have gone to. */
  private readonly charged = new Map<string, { ok: number; denied: number; error: number }>();
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;
  private readonly enabledBy: AccessMetadata | null;

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
    const config = filter.config as ExtAuthzConfig;
    this.config = config;
    this.enabledBy = config.enabledBy === null ? null : new AccessMetadata(config.enabledBy);
    const list = (matches: ExtAuthzConfig['allowedHeaders']) =>
      matches === null ? null : compileValues(matches);
    this.patterns = {
      allowed: list(config.allowedHeaders),
      disallowed: compileValues(config.disallowedHeaders),
      set: compileValues(config.upstreamSet),
      appended: compileValues(config.upstreamAppended),
      onSuccess: compileValues(config.clientOnSuccess),
      onDenial: list(config.clientOnDenial),
      noted: compileValues(config.noted),
    };
  }

  *samples(): Iterable<FilterSample> {
    const { statPrefix } = this.config;
    const labels = statPrefix === '' ? {} : { envoy_ext_authz_prefix: statPrefix };
    for (const [name, value] of Object.entries(this.counts))
      yield { name: `http_ext_authz_${name}`, value, labels };
    for (const [cluster, counts] of this.charged)
      for (const [name, value] of Object.entries(counts))
        yield {
          name: `cluster_ext_authz_${name}`,
          value,
          labels: { ...labels, envoy_cluster_name: cluster },
        };
  }

  authorize(request: RequestState): 'allow' | 'wait' | Denial {
    const check = request.slots[this.position];
    if (check instanceof Check) return check.goOn();
    const said = saidTo(request, this.filter);
    if (said?.kind === 'disabled' || (said === null && this.filter.disabled)) return 'allow';
    const { body, deniesUnchecked, enabledShare } = this.config;
    const enabled = this.enabledBy === null || this.enabledBy.matches((name) => request.metadata?.get(name));
    if (!enabled || !drawn(enabledShare, request)) {
      this.counts.disabled += 1;
      return deniesUnchecked ? this.errorDenial() : 'allow';
    }
    const override = said?.kind === 'ext-authz-override' && said.body !== undefined ? said.body : body;
    const begun = new Check(this, request, override);
    request.slots[this.position] = begun;
    return begun.goOn();
  }

  onAnswer(request: RequestState, head: ResponseHead): null {
    const check = request.slots[this.position];
    if (check instanceof Check) for (const [name, value] of check.clientFields) head.add(name, value);
    return null;
  }

  errorDenial(): Denial {
    return denial(this.config.errorStatus, '', 'ext_authz_error', responseFlags.denied);
  }

  count(request: RequestState, outcome: 'ok' | 'denied' | 'error'): void {
    this.counts[outcome] += 1;
    const cluster = request.weighted?.cluster;
    if (cluster === undefined || !this.config.chargesCluster) return;
    let counts = this.charged.get(cluster);
    if (counts === undefined) {
      counts = { ok: 0, denied: 0, error: 0 };
      this.charged.set(cluster, counts);
    }
    counts[outcome] += 1;
  }
}

/** One request's check: holding (its body) -> asking -> done. */
class Check implements CallOwner, Waiter {
  /** For the answer, when it comes. */
  clientFields: readonly (readonly [name: string, value: string])[] = [];
  private state: 'holding' | 'asking' | 'done' = 'holding';
  private outcome: 'allow' | Denial = 'allow';
  private call: ClusterCall | null = null;
  private readonly filter: ExtAuthzFilter;
  private readonly request: RequestState;
  private readonly body: AuthzBody | null;

  constructor(filter: ExtAuthzFilter, request: RequestState, body: AuthzBody | null) {
    this.filter = filter;
    this.request = request;
    this.body = body;
  }

  goOn(): 'allow' | 'wait' | Denial {
    const { body, request } = this;
    if (this.state === 'done') return this.outcome;
    request.waiter = this;
    if (this.state === 'asking') return 'wait';
    if (body !== null && !request.requestEnded && request.body.length <= body.bytesMax) {
      request.heldBytesMax = body.bytesMax;
      return 'wait';
    }
    if (body !== null && !body.partial && request.body.length > body.bytesMax) {
      this.state = 'done';
      request.waiter = null;
      return tooLarge;
    }
    this.ask();
    return this.isDone() ? this.outcome : 'wait';
  }

  onHeldBody(request: RequestState): void {
    const { body } = this;
    if (this.state === 'holding' && body !== null && request.body.length > body.bytesMax)
      request.machine.proceed();
  }

  onHeldEnd(request: RequestState): void {
    if (this.state === 'holding') request.machine.proceed();
  }

  onAbandoned(): void {
    this.state = 'done';
    this.call?.cancel();
  }

  onCallAnswered(head: ResponseHead, body: Uint8Array): void {
    const { filter, request } = this;
    if (head.status >= 500) {
      this.fail();
      return;
    }
    if (head.status === 200) {
      filter.count(request, 'ok');
      this.allow(head);
    } else {
      filter.count(request, 'denied');
      this.outcome = this.denialOf(head, body);
    }
    this.finish();
  }

  onCallFailed(_error: MeshError): void {
    this.fail();
  }

  private isDone(): boolean {
    return this.state === 'done';
  }

  private ask(): void {
    const { filter, request } = this;
    const { cluster, timeoutMs } = filter.config;
    const held = this.body === null ? nothing : request.body.bytes.slice(0, this.heldLength());
    this.state = 'asking';
    this.call = new ClusterCall(request.context, {
      cluster,
      head: this.createHead(held.length),
      body: held,
      timeoutMs,
      owner: this,
    });
    this.call.start();
  }

  private heldLength(): number {
    return Math.min(this.request.body.length, this.body?.bytesMax ?? 0);
  }

  private createHead(bodyLength: number): RequestHead {
    const { filter, request } = this;
    const { authority, headersToAdd, pathPrefix } = filter.config;
    const { head } = request;
    const fields: [name: string, value: string][] = [['content-length', `${bodyLength}`]];
    const names = new Set<string>();
    for (let index = 0; index < head.count; index++)
      if (!head.isRemoved(index)) names.add(head.nameAt(index));
    for (const name of names) {
      if (name === 'content-length' || name === 'host' || hopByHop.has(name)) continue;
      if (!this.carries(name)) continue;
      fields.push([name, head.getName(name) ?? '']);
    }
    if (this.body !== null && request.body.length > 0) {
      const whole = request.requestEnded && request.body.length <= this.body.bytesMax;
      fields.push(['x-envoy-auth-partial-body', whole ? 'false' : 'true']);
    }
    const made = createRequestHead(head.method, head.authority || authority, pathPrefix + head.path, fields);
    if (headersToAdd !== null) applyEdits(made, headersToAdd, request);
    return made;
  }

  private carries(name: string): boolean {
    const { allowed, disallowed } = this.filter.patterns;
    if (matchesAny(disallowed, name)) return false;
    return name === 'authorization' || (allowed !== null && matchesAny(allowed, name));
  }

  private allow(answer: ResponseHead): void {
    const { filter, request } = this;
    const { appended, noted, onSuccess, set } = filter.patterns;
    const { head } = request;
    const clientFields: [name: string, value: string][] = [];
    const notes: Record<string, unknown> = {};
    for (const [name, value] of fieldsOf(answer)) {
      if (protectedNames.has(name)) continue;
      if (matchesAny(set, name)) {
        head.removeName(name);
        head.add(name, value);
      }
      if (matchesAny(appended, name)) head.add(name, value);
      if (matchesAny(onSuccess, name)) clientFields.push([name, value]);
      if (matchesAny(noted, name)) notes[name] = value;
    }
    for (const name of (answer.getName('x-envoy-auth-headers-to-remove') ?? '').split(',')) {
      const removed = name.trim().toLowerCase();
      if (removed !== '' && !protectedNames.has(removed)) head.removeName(removed);
    }
    if (Object.keys(notes).length > 0) say(request, filter.name, notes);
    this.clientFields = clientFields;
    if (filter.config.clearsRouteCache) rematch(request);
  }

  private denialOf(answer: ResponseHead, body: Uint8Array): Denial {
    const { onDenial } = this.filter.patterns;
    const fields = fieldsOf(answer).filter(([name]) => {
      if (neverToClients.has(name) || hopByHop.has(name)) return false;
      return onDenial === null || alwaysToClients.has(name) || matchesAny(onDenial, name);
    });
    return denial(answer.status, body, 'ext_authz_denied', responseFlags.denied, fields);
  }

  private fail(): void {
    const { filter, request } = this;
    const { failureAllowed, failureHeader } = filter.config;
    filter.count(request, 'error');
    if (failureAllowed) {
      filter.counts.failure_mode_allowed += 1;
      if (failureHeader) request.head.add('x-envoy-auth-failure-mode-allowed', 'true');
    } else this.outcome = filter.errorDenial();
    this.finish();
  }

  private finish(): void {
    const { call, request } = this;
    const waited = call !== null && this.state === 'asking' && request.state === 'authorizing';
    this.state = 'done';
    const asked = request.waiter === this;
    request.waiter = null;
    if (waited && asked && this.begun) request.machine.proceed();
  }

  /** The outcome came later than the question, so somebody has to be told. */
  private get begun(): boolean {
    return this.call?.started === true;
  }
}

function matchesAny(patterns: readonly ValueMatcher[], name: string): boolean {
  return patterns.some((pattern) => pattern.matches(name));
}

function fieldsOf(head: ResponseHead): readonly (readonly [name: string, value: string])[] {
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
