// envoy.filters.http.csrf: a request that changes something must come from a page of the host that it asks, or of one
// that is named.

import { compileValues, type ValueMatcher } from '../../policy/index.ts';
import type { CsrfConfig, ListenerFilterConfig } from '../config/filter-types.ts';
import type { Authorizer, Denial, RequestState } from '../exchange/index.ts';
import { configFor, denial, drawn, type HttpFilter } from './filter.ts';

const modifying: ReadonlySet<string> = new Set(['POST', 'PUT', 'DELETE', 'PATCH']);
const invalid = denial(403, 'Invalid origin', 'csrf_origin_mismatch');

export class CsrfFilter implements HttpFilter, Authorizer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = null;
  readonly counts = { valid: 0, invalid: 0 };
  private readonly filter: ListenerFilterConfig;
  private readonly matchers = new WeakMap<CsrfConfig, readonly ValueMatcher[]>();

  constructor(filter: ListenerFilterConfig) {
    this.name = filter.name;
    this.filter = filter;
  }

  authorize(request: RequestState): 'allow' | Denial {
    if (!modifying.has(request.method)) return 'allow';
    const config = configFor(request, this.filter, 'csrf');
    if (config === null || !drawn(config.enabledShare, request)) return 'allow';
    const { head } = request;
    const source = hostOf(head.getName('origin') ?? '') || hostOf(head.getName('referer') ?? '');
    if (source !== '' && (source === head.authority || this.allows(config, source))) {
      this.counts.valid += 1;
      return 'allow';
    }
    this.counts.invalid += 1;
    return invalid;
  }

  private allows(config: CsrfConfig, source: string): boolean {
    let matchers = this.matchers.get(config);
    if (matchers === undefined) {
      matchers = compileValues(config.additionalOrigins);
      this.matchers.set(config, matchers);
    }
    return matchers.some((matcher) => matcher.matches(source));
  }
}

/** Host and port of a URL; what is none stands for itself, as `null` does. */
function hostOf(url: string): string {
  const match = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]+)/i.exec(url);
  return match === null ? url : match[1]!;
}
