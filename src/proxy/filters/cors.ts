// envoy.filters.http.cors: what other origins' pages may read (Fetch standard, CORS protocol). Policies are said by
// routes.

import { compileValues, type ValueMatcher } from '../../policy/index.ts';
import type { ResponseHead } from '../../wire/index.ts';
import type { CorsConfig, ListenerFilterConfig } from '../config/filter-types.ts';
import type { Answerer, Authorizer, Denial, RequestState } from '../exchange/index.ts';
import { configFor, countSamples, denial, drawn, type HttpFilter, reached } from './filter.ts';

export class CorsFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  private readonly counts = { origin_valid: 0, origin_invalid: 0 };
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;
  private readonly matchers = new WeakMap<CorsConfig, readonly ValueMatcher[]>();

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
  }

  samples() {
    return countSamples('cors', this.counts);
  }

  authorize(request: RequestState): 'allow' | Denial {
    const config = configFor(request, this.filter, 'cors');
    if (config === null) return 'allow';
    const enabled = drawn(config.enabledShare, request);
    if (!enabled && !drawn(config.shadowShare, request)) return 'allow';
    const origin = request.head.getName('origin');
    if (origin === null || origin === '') return 'allow';
    const preflight =
      enabled &&
      request.method === 'OPTIONS' &&
      (request.head.getName('access-control-request-method') ?? '') !== '';
    if (!this.allows(config, origin)) {
      this.counts.origin_invalid += 1;
      return preflight && !config.forwardOtherPreflights ? denial(200, '', 'cors_response') : 'allow';
    }
    this.counts.origin_valid += 1;
    return preflight ? denial(200, '', 'cors_response', '', preflightFields(config, request)) : 'allow';
  }

  onAnswer(request: RequestState, head: ResponseHead): null {
    const config = configFor(request, this.filter, 'cors');
    if (config === null || config.enabledShare === 0 || !reached(request, this.position)) return null;
    const origin = request.head.getName('origin');
    if (origin === null || origin === '' || !this.allows(config, origin)) return null;
    set(head, 'access-control-allow-origin', origin);
    if (config.allowCredentials) set(head, 'access-control-allow-credentials', 'true');
    if (config.exposeHeaders !== '') set(head, 'access-control-expose-headers', config.exposeHeaders);
    return null;
  }

  private allows(config: CorsConfig, origin: string): boolean {
    let matchers = this.matchers.get(config);
    if (matchers === undefined) {
      matchers = compileValues(config.origins);
      this.matchers.set(config, matchers);
    }
    return matchers.some((matcher) => matcher.matches('*') || matcher.matches(origin));
  }
}

/** A star becomes what was asked for, as with credentials a browser takes it for a name (Fetch, 3.3.4). */
function preflightFields(config: CorsConfig, { head }: RequestState): Denial['fields'] {
  const fields: [name: string, value: string][] = [];
  const add = (name: string, allowed: string, asked: string) => {
    const value = allowed === '*' ? (head.getName(asked) ?? '') : allowed;
    if (value !== '') fields.push([name, value]);
  };
  add('access-control-allow-methods', config.allowMethods, 'access-control-request-method');
  add('access-control-allow-headers', config.allowHeaders, 'access-control-request-headers');
  if (config.privateNetwork && head.getName('access-control-request-private-network') === 'true')
    fields.push(['access-control-allow-private-network', 'true']);
  if (config.maxAge !== '') fields.push(['access-control-max-age', config.maxAge]);
  return fields;
}

function set(head: ResponseHead, name: string, value: string): void {
  head.removeName(name);
  head.add(name, value);
}
