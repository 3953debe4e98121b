// envoy.filters.http.jwt_authn: requests must carry tokens that providers have signed, as rules by route say; what
// tokens claim can be told to the application and to filters behind.

import { compileRoutes, type RouteTable } from '../../../policy/index.ts';
import type { JwtAuthnConfig, JwtRequirement, ListenerFilterConfig } from '../../config/filter-types.ts';
import type { Authorizer, Denial, RequestState, Waiter } from '../../exchange/index.ts';
import { rematch } from '../../exchange/index.ts';
import { type FilterSample, responseFlags } from '../../stats/index.ts';
import { countSamples, denial, type HttpFilter, saidTo, say } from '../filter.ts';
import { type Found, JwtProvider } from './provider.ts';
import { type JwtFault, jwtFaults, type Token } from './token.ts';

/** Of a path in www-authenticate, as Envoy cuts it. */
const realmPathMax = 256;

/** Null: it is met; a provider: its keys must come first. */
type Verdict = JwtFault | null | JwtProvider;

export class JwtAuthnFilter implements HttpFilter, Authorizer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = null;
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;
  private readonly config: JwtAuthnConfig;
  private readonly rules: RouteTable | null;
  private readonly providers: ReadonlyMap<string, JwtProvider>;
  private readonly counts = {
    allowed: 0,
    denied: 0,
    cors_preflight_bypassed: 0,
    jwks_fetch_success: 0,
    jwks_fetch_failed: 0,
  };

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
    this.config = filter.config as JwtAuthnConfig;
    const compiled = compileRoutes({
      name: filter.name,
      virtualHosts: [{ name: 'rules', domains: ['*'], routes: this.config.rules.map(({ route }) => route) }],
    });
    this.rules = compiled.ok ? compiled.value : null;
    this.providers = new Map(
      this.config.providers.map((provider) => [provider.name, new JwtProvider(provider, this.counts)]),
    );
  }

  samples(): Iterable<FilterSample> {
    return countSamples('jwt_authn', this.counts);
  }

  authorize(request: RequestState): 'allow' | 'wait' | Denial {
    request.waiter = null;
    const run = this.runOf(request);
    if (run === null) {
      this.counts.allowed += 1;
      return 'allow';
    }
    const verdict = run.judge();
    if (verdict instanceof JwtProvider) {
      run.await(verdict);
      // The keys' cluster may have said no at once.
      return run.waits ? 'wait' : this.authorize(request);
    }
    if (verdict === null) {
      this.counts.allowed += 1;
      return 'allow';
    }
    this.counts.denied += 1;
    return this.denialOf(request, verdict);
  }

  /** Null: nothing is required of it. */
  private runOf(request: RequestState): Run | null {
    const begun = request.slots[this.position];
    if (begun instanceof Run) return begun;
    const said = saidTo(request, this.filter);
    if (said?.kind === 'disabled' || (said === null && this.filter.disabled)) return null;
    this.sanitize(request);
    const requirement = this.requirementOf(request);
    if (requirement === null) return null;
    const run = new Run(request, this.providers, requirement);
    request.slots[this.position] = run;
    return run;
  }

  /** What only a good token may say, nobody says before. */
  private sanitize({ head }: RequestState): void {
    for (const { claimHeaders, payloadHeader } of this.config.providers) {
      if (payloadHeader !== '') head.removeName(payloadHeader);
      for (const { header } of claimHeaders) head.removeName(header);
    }
  }

  private requirementOf(request: RequestState): JwtRequirement | null {
    const said = saidTo(request, this.filter);
    const { head } = request;
    const preflight =
      request.method === 'OPTIONS' &&
      head.findName('origin') >= 0 &&
      head.findName('access-control-request-method') >= 0;
    if (preflight && this.config.bypassesPreflight) {
      this.counts.cors_preflight_bypassed += 1;
      return null;
    }
    // A name that nobody explains lets nobody in.
    if (said?.kind === 'jwt-override') return this.config.named[said.requirement] ?? { kind: 'any', of: [] };
    const hit = this.rules?.match(head, request.context.random, request) ?? null;
    return hit === null ? null : (this.config.rules[Number(hit.route.name)]?.requirement ?? null);
  }

  private denialOf(request: RequestState, fault: JwtFault): Denial {
    const text = jwtFaults[fault];
    const details = `jwt_authn_access_denied{${text.replaceAll(' ', '_')}}`;
    if (this.config.stripsFailure) return denial(fault === 'audience' ? 403 : 401, '', details);
    const { head, owner } = request;
    const scheme = head.getName('x-forwarded-proto') ?? (owner.secure === null ? 'http' : 'https');
    const path = head.path.slice(0, realmPathMax).replaceAll('"', '%22');
    const realm = `Bearer realm="${scheme}://${head.authority}${path}"`;
    const value = fault === 'missing' ? realm : `${realm}, error="invalid_token"`;
    return denial(fault === 'audience' ? 403 : 401, text, details, responseFlags.none, [
      ['www-authenticate', value],
    ]);
  }
}

/** One request before its rule. */
class Run implements Waiter {
  waits = false;
  private readonly request: RequestState;
  private readonly providers: ReadonlyMap<string, JwtProvider>;
  private readonly requirement: JwtRequirement;
  private readonly failed = new Set<JwtProvider>();
  private leave: () => void = () => {};

  constructor(
    request: RequestState,
    providers: ReadonlyMap<string, JwtProvider>,
    requirement: JwtRequirement,
  ) {
    this.request = request;
    this.providers = providers;
    this.requirement = requirement;
  }

  judge(): Verdict {
    return this.meet(this.requirement);
  }

  await(provider: JwtProvider): void {
    let now = true;
    this.waits = true;
    this.request.waiter = this;
    this.leave = provider.fetch(this.request, (good) => {
      if (!good) this.failed.add(provider);
      this.waits = false;
      if (!now) this.request.machine.proceed();
    });
    now = false;
  }

  onAbandoned(): void {
    this.leave();
  }

  private meet(requirement: JwtRequirement): Verdict {
    switch (requirement.kind) {
      case 'provider': {
        const provider = this.providers.get(requirement.provider);
        return provider === undefined ? 'issuer' : this.ask(provider, requirement.audiences);
      }
      case 'all': {
        for (const each of requirement.of) {
          const verdict = this.meet(each);
          if (verdict !== null) return verdict;
        }
        return null;
      }
      case 'any':
        return this.meetAny(requirement.of);
      case 'missing':
      case 'failed':
        return this.meetOptional(requirement);
    }
  }

  /**
   * The first that is met; else the last fault, one that tells more than that a token is missing where there is one.
   */
  private meetAny(list: readonly JwtRequirement[]): Verdict {
    let fault: JwtFault = 'missing';
    for (const each of list) {
      const verdict = this.meet(each);
      if (verdict === null || verdict instanceof JwtProvider) return verdict;
      if (verdict !== 'missing' && (verdict !== 'issuer' || fault === 'missing')) fault = verdict;
    }
    return fault;
  }

  /** Tokens of any of these providers, where there are some. */
  private meetOptional({
    kind,
    providers,
  }: Extract<JwtRequirement, { kind: 'missing' | 'failed' }>): Verdict {
    const unknown = new Set<string>();
    const accepted = new Set<string>();
    for (const [name, provider] of this.providers) {
      if (providers.length > 0 && !providers.includes(name)) continue;
      const verdict = this.ask(provider, null, accepted);
      if (verdict instanceof JwtProvider) return verdict;
      if (verdict === 'issuer') for (const { text } of provider.find(this.request.head)) unknown.add(text);
      else if (verdict !== null && verdict !== 'missing' && kind === 'missing') return verdict;
    }
    const nobodys = [...unknown].some((text) => !accepted.has(text));
    return kind === 'missing' && nobodys ? 'issuer' : null;
  }

  /** Every token that stands where the provider's do must be good. */
  private ask(
    provider: JwtProvider,
    audiences: readonly string[] | null,
    accepted: Set<string> | null = null,
  ): Verdict {
    const found = provider.find(this.request.head);
    if (found.length === 0) return 'missing';
    const good: [Found, Token][] = [];
    for (const each of found) {
      const wanted = audiences ?? provider.config.audiences;
      const token = provider.verify(each.text, wanted, this.request, this.failed.has(provider));
      if (token === 'wait') return provider;
      if (typeof token === 'string') return token;
      good.push([each, token]);
    }
    for (const [each, token] of good) {
      accepted?.add(each.text);
      this.tell(provider, each, token);
    }
    return null;
  }

  private tell({ config }: JwtProvider, found: Found, token: Token): void {
    const { head } = this.request;
    if (!config.forwards) found.remove(head);
    if (config.payloadHeader !== '') {
      head.removeName(config.payloadHeader);
      const padding = config.padsPayload ? '='.repeat((4 - (token.payload.length % 4)) % 4) : '';
      head.add(config.payloadHeader, token.payload + padding);
    }
    for (const { claim, header } of config.claimHeaders) {
      head.removeName(header);
      const value = claimText(token.claims, claim);
      if (value !== null) head.add(header, value);
    }
    const notes: Record<string, unknown> = {};
    if (config.payloadNote !== '') notes[config.payloadNote] = token.claims;
    if (config.headerNote !== '') notes[config.headerNote] = token.header;
    if (Object.keys(notes).length > 0) say(this.request, 'envoy.filters.http.jwt_authn', notes);
    if (config.clearsRouteCache && (config.claimHeaders.length > 0 || config.payloadHeader !== ''))
      rematch(this.request);
  }
}

/** A claim by its dotted path; null: it is not there, or no text. What no field may hold is encoded. */
function claimText(claims: Readonly<Record<string, unknown>>, path: string): string | null {
  let value: unknown = claims;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return null;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  if (typeof value === 'string') return /^[ -~]*$/.test(value) ? value : null;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'object' && value !== null
    ? Buffer.from(JSON.stringify(value)).toString('base64url')
    : null;
}
