// envoy.filters.http.csrf: a request that changes something must come from a page of the host that it asks, or of one
// that is named.

import { compileValues, type ValueMatcher } from '../../policy/index.ts';
import type { RequestHead } from '../../wire/index.ts';
import type { CsrfConfig, ListenerFilterConfig } from '../config/filter-types.ts';
import type { Authorizer, Denial, RequestState } from '../exchange/index.ts';
import { configFor, countSamples, denial, drawn, type HttpFilter } from './filter.ts';

const modifying: ReadonlySet<string> = new Set(['POST', 'PUT', 'DELETE', 'PATCH']);
const invalid = denial(403, 'Invalid origin', 'csrf_origin_mismatch');

export class CsrfFilter implements HttpFilter, Authorizer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = null;
  private readonly counts = { missing_source_origin: 0, request_invalid: 0, request_valid: 0 };
  private readonly filter: ListenerFilterConfig;
  private readonly matchers = new WeakMap<CsrfConfig, readonly ValueMatcher[]>();

  constructor(filter: ListenerFilterConfig) {
    this.name = filter.name;
    this.filter = filter;
  }

  samples() {
    return countSamples('csrf', this.counts);
  }

  authorize(request: RequestState): 'allow' | Denial {
    if (!modifying.has(request.method)) return 'allow';
    const config = configFor(request, this.filter, 'csrf');
    if (config === null) return 'allow';
    const enabled = drawn(config.enabledShare, request);
    if (!enabled && !drawn(config.shadowShare, request)) return 'allow';
    const { head } = request;
    const source = sourceOf(head);
    if (source === '') {
      this.counts.missing_source_origin += 1;
    } else if (source === head.authority || this.allows(config, source)) {
      this.counts.request_valid += 1;
      return 'allow';
    } else {
      this.counts.request_invalid += 1;
    }
    return enabled ? invalid : 'allow';
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

/** By `Origin: null` a browser says that it will not tell; then the referrer is not asked either. */
function sourceOf(head: RequestHead): string {
  const origin = head.getName('origin') ?? '';
  if (origin === 'null') return '';
  return hostOf(origin) || hostOf(head.getName('referer') ?? '');
}

/** Host and port of a URL; what is none stands for itself. */
function hostOf(url: string): string {
  const match = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]+)/i.exec(url);
  return match === null ? url : match[1]!;
}
