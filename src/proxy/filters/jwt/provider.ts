// One issuer of tokens: where its tokens stand in a request, its keys (given, or fetched from a cluster and kept for a
// while), and which tokens it has found good, up to a bound.

import { type MeshError, Timer, type TimerHandler } from '../../../base/index.ts';
import { backoffMs, compileValues, type ValueMatcher } from '../../../policy/index.ts';
import { createRequestHead, type RequestHead, type ResponseHead } from '../../../wire/index.ts';
import type { JwtProviderConfig } from '../../config/filter-types.ts';
import {
  type CallOwner,
  ClusterCall,
  type ExchangeContext,
  type RequestState,
} from '../../exchange/index.ts';
import { type Jwk, parseKeys, verifySignature } from './keys.ts';
import { claimsFault, type JwtFault, parseToken, type Token } from './token.ts';

export interface Found {
  readonly text: string;
  /** Takes it off the request. */
  readonly remove: (head: RequestHead) => void;
}

type RemoteKeys = Extract<JwtProviderConfig['keys'], { kind: 'remote' }>;

export class JwtProvider implements CallOwner, TimerHandler {
  readonly config: JwtProviderConfig;
  readonly counts: { jwks_fetch_success: number; jwks_fetch_failed: number };
  private readonly subject: ValueMatcher | null;
  private keys: readonly Jwk[] | null = null;
  private keysUntilMs = 0;
  private retryAtMs = 0;
  /** While a fetch runs, its pauses included. */
  private call: ClusterCall | null = null;
  private tries = 0;
  private context: ExchangeContext | null = null;
  private readonly timer = new Timer(this, 0);
  private nowMs: () => number = () => 0;
  private readonly waiting = new Set<(good: boolean) => void>();
  /** Tokens whose signature was good, oldest first. */
  private readonly known = new Set<string>();

  constructor(config: JwtProviderConfig, counts: JwtProvider['counts']) {
    this.config = config;
    this.counts = counts;
    this.subject = config.subjects === null ? null : (compileValues([config.subjects])[0] ?? null);
    if (config.keys.kind === 'local') this.keys = parseKeys(config.keys.text);
  }

  /** Every token of the request that could be its. */
  find(head: RequestHead): readonly Found[] {
    const { fromCookies, fromHeaders, fromParams } = this.config;
    const found: Found[] = [];
    for (const { name, prefix } of fromHeaders) {
      const value = head.getName(name);
      const text = value === null ? '' : tokenIn(value, prefix);
      if (text !== '') found.push({ text, remove: (from) => from.removeName(name) });
    }
    for (const name of fromParams) {
      const text = parameterOf(head.path, name);
      if (text !== '')
        found.push({ text, remove: (from) => (from.path = withoutParameter(from.path, name)) });
    }
    for (const name of fromCookies) {
      const text = cookieOf(head.getName('cookie') ?? '', name);
      if (text !== '') found.push({ text, remove: () => {} });
    }
    return found;
  }

  /** `wait`: keys are to be fetched first ({@link fetch}). */
  verify(
    text: string,
    audiences: readonly string[],
    request: RequestState,
    failed: boolean,
  ): Token | JwtFault | 'wait' {
    const token = parseToken(text);
    if (typeof token === 'string') return token;
    const { issuer } = this.config;
    if (issuer !== '' && token.issuer !== '' && token.issuer !== issuer) return 'issuer';
    const nowSeconds = Math.floor(request.context.clock.wall() / 1000);
    const fault = claimsFault(token, this.config, audiences, this.subject, nowSeconds);
    if (fault !== null) return fault;
    const { keys } = this.config;
    if (keys.kind === 'remote' && request.context.clock.now() >= this.keysUntilMs) {
      // Keys that are over are used on while new ones come, where that is asked for.
      if (this.keys !== null && keys.ahead) this.fetch(request, null);
      else if (!failed) return 'wait';
      else return 'keys';
    }
    if (this.keys === null) return keys.kind === 'remote' ? 'keys' : 'noKey';
    if (this.known.has(text)) return token;
    const verdict = verifySignature(this.keys, token.alg, token.kid, token.signed, token.signature);
    if (verdict !== 'good') return verdict === 'bad' ? 'signature' : 'noKey';
    this.remember(text);
    return token;
  }

  /** `done` is called when keys came or could not be had; null: nobody waits. Returns how to leave. */
  fetch(request: RequestState, done: ((good: boolean) => void) | null): () => void {
    const { keys } = this.config;
    const { context } = request;
    if (done !== null) this.waiting.add(done);
    const leave = () => void (done !== null && this.waiting.delete(done));
    if (keys.kind !== 'remote' || this.call !== null) return leave;
    if (done === null && context.clock.now() < this.retryAtMs) return leave;
    this.nowMs = () => context.clock.now();
    this.tries = 0;
    this.ask(context, keys);
    return leave;
  }

  private ask(context: ExchangeContext, keys: RemoteKeys): void {
    const { authority, path } = splitUri(keys.uri);
    this.context = context;
    this.call = new ClusterCall(context, {
      cluster: keys.cluster,
      head: createRequestHead('GET', authority, path, [['content-length', '0']]),
      body: new Uint8Array(0),
      timeoutMs: keys.timeoutMs,
      owner: this,
    });
    this.tries += 1;
    this.call.start();
  }

  onTimer(): void {
    const { keys } = this.config;
    if (this.context !== null && keys.kind === 'remote') this.ask(this.context, keys);
  }

  /** True: it is asked again, and who waits waits on. */
  private retries(): boolean {
    const { context } = this;
    const { keys } = this.config;
    if (context === null || keys.kind !== 'remote' || keys.retry === undefined) return false;
    if (this.tries > keys.retry.times) return false;
    context.clock.arm(this.timer, backoffMs(keys.retry, this.tries, context.random));
    return true;
  }

  onCallAnswered(head: ResponseHead, body: Uint8Array): void {
    if (head.status >= 500 && this.retries()) return;
    const keys = head.status === 200 ? parseKeys(Buffer.from(body).toString()) : null;
    if (keys === null) this.settle(false);
    else {
      this.keys = keys;
      this.known.clear();
      if (this.config.keys.kind === 'remote') this.keysUntilMs = this.nowMs() + this.config.keys.cacheMs;
      this.settle(true);
    }
  }

  onCallFailed(_error: MeshError): void {
    if (!this.retries()) this.settle(false);
  }

  private settle(good: boolean): void {
    if (good) this.counts.jwks_fetch_success += 1;
    else this.counts.jwks_fetch_failed += 1;
    if (!good && this.config.keys.kind === 'remote')
      this.retryAtMs = this.nowMs() + this.config.keys.failedRefetchMs;
    this.call = null;
    for (const done of [...this.waiting]) {
      this.waiting.delete(done);
      done(good);
    }
  }

  private remember(text: string): void {
    const { cacheSize } = this.config;
    if (cacheSize === 0) return;
    for (const oldest of this.known) if (this.known.size >= cacheSize) this.known.delete(oldest);
    this.known.add(text);
  }
}

/** Behind the prefix, from what a token may hold up to what none does, as Envoy looks for it. */
function tokenIn(value: string, prefix: string): string {
  const at = value.indexOf(prefix);
  if (at < 0) return '';
  return /[A-Za-z0-9_.\-=]+/.exec(value.slice(at + prefix.length))?.[0] ?? '';
}

function parameterOf(path: string, name: string): string {
  const query = path.slice(path.indexOf('?') + 1);
  if (query.length === path.length) return '';
  for (const pair of query.split('&')) if (pair.startsWith(`${name}=`)) return pair.slice(name.length + 1);
  return '';
}

function withoutParameter(path: string, name: string): string {
  const [before = '', query = ''] = path.split('?', 2);
  const rest = query.split('&').filter((pair) => !pair.startsWith(`${name}=`));
  return rest.length === 0 ? before : `${before}?${rest.join('&')}`;
}

function cookieOf(cookies: string, name: string): string {
  for (const pair of cookies.split(';')) {
    const trimmed = pair.trim();
    if (trimmed.startsWith(`${name}=`)) return trimmed.slice(name.length + 1);
  }
  return '';
}

function splitUri(uri: string): { readonly authority: string; readonly path: string } {
  const match = /^[a-z]+:\/\/([^/?#]+)([^#]*)/i.exec(uri);
  return { authority: match?.[1] ?? '', path: match?.[2] || '/' };
}
