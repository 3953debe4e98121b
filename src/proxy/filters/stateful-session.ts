// envoy.filters.http.stateful_session: a client comes back to the endpoint that served it, which a cookie or a header
// of the answer tells it and its next request says. Without a store: what is kept is the endpoint's address.

import { formatAddress } from '../../net/index.ts';
import type { ResponseHead } from '../../wire/index.ts';
import type { ListenerFilterConfig, StatefulSessionConfig } from '../config/filter-types.ts';
import {
  type Answerer,
  type Authorizer,
  findCookie,
  formatCookie,
  type RequestState,
} from '../exchange/index.ts';
import { responseFlags } from '../stats/index.ts';
import { configFor, countSamples, type HttpFilter } from './filter.ts';
import { decodeBase64, decodeSession, encodeSession } from './session-cookie.ts';

/** A request that the filter has looked at. */
interface Session {
  readonly config: StatefulSessionConfig;
  /** It may have one: its path is under the cookie's. */
  readonly kept: boolean;
  /** Of the endpoint that it said; '': none. */
  readonly address: string;
}

export class StatefulSessionFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  private readonly counts = { routed: 0, failed_open: 0, failed_closed: 0, no_session: 0 };
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;
  private readonly statPrefix: string;

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
    this.statPrefix = filter.config.kind === 'stateful-session' ? filter.config.statPrefix : '';
  }

  samples() {
    return this.statPrefix === '' ? [] : countSamples(`stateful_session_${this.statPrefix}`, this.counts);
  }

  authorize(request: RequestState): 'allow' {
    const config = configFor(request, this.filter, 'stateful-session');
    if (config === null) return 'allow';
    const session = readSession(request, config);
    request.slots[this.position] = session;
    const { missingStatus, strict } = config;
    if (session.address !== '') request.wanted = { address: session.address, strict, missingStatus };
    return 'allow';
  }

  onAnswer(request: RequestState, head: ResponseHead): null {
    const session = request.slots[this.position] as Session | undefined;
    if (session === undefined) return null;
    const { config } = session;
    // What routes say of the filter is not counted, as in Envoy.
    const counted = config === this.filter.config;
    const { endpoint } = request;
    if (endpoint === null) {
      const missing = request.flags.includes(responseFlags.noHealthyUpstream);
      if (counted && session.kept && missing && config.strict) this.counts.failed_closed += 1;
    } else if (!session.kept) {
      if (counted) this.counts.no_session += 1;
    } else {
      const changed = writeSession(request, head, session, formatAddress(endpoint.address));
      if (counted && !changed) this.counts.routed += 1;
      else if (counted && !config.strict) this.counts.failed_open += 1;
    }
    return null;
  }
}

function readSession(request: RequestState, config: StatefulSessionConfig): Session {
  const { place } = config;
  if (place === null || (place.kind === 'cookie' && !isUnder(request.head.path, place.path)))
    return { config, kept: false, address: '' };
  return { config, kept: true, address: addressSaid(request, place) };
}

function addressSaid(
  { context, head }: RequestState,
  place: NonNullable<StatefulSessionConfig['place']>,
): string {
  if (place.kind === 'cookie') {
    const value = findCookie(head, place.name);
    return value === null ? '' : decodeSession(value, context.clock.wall());
  }
  const at = head.findName(place.name);
  return at < 0 ? '' : decodeBase64(head.valueAt(at)).toString('latin1');
}

/** False: the client knows the endpoint already. */
function writeSession(
  { context }: RequestState,
  head: ResponseHead,
  { address, config: { place } }: Session,
  served: string,
): boolean {
  if (place === null || served === address) return false;
  if (place.kind === 'header') {
    head.removeName(place.name);
    head.add(place.name, Buffer.from(served, 'latin1').toString('base64'));
    return true;
  }
  const { ttlSeconds } = place;
  const endsAt = ttlSeconds === 0 ? 0 : Math.floor(context.clock.wall() / 1000) + ttlSeconds;
  head.add('set-cookie', formatCookie(place, encodeSession(served, endsAt)));
  return true;
}

/** RFC 6265 section 5.1.4. */
function isUnder(path: string, cookiePath: string): boolean {
  if (cookiePath === '' || cookiePath === '/') return true;
  if (!path.startsWith(cookiePath)) return false;
  return (
    cookiePath.endsWith('/') || path.length === cookiePath.length || '/?#'.includes(path[cookiePath.length]!)
  );
}
