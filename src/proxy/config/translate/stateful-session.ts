// envoy.filters.http.stateful_session: where a client's session is kept.

import type { RouteFilterConfig, SessionPlace, StatefulSessionConfig } from '../filter-types.ts';
import {
  cookieSession,
  type Faults,
  headerSession,
  join,
  type MessageOf,
  type statefulSession,
  type statefulSessionPerRoute,
  unpack,
} from '../schema/index.ts';

export function translateStatefulSession(
  message: MessageOf<typeof statefulSession>,
  path: string,
  faults: Faults,
): StatefulSessionConfig {
  return {
    kind: 'stateful-session',
    place: translatePlace(message, join(path, 'session_state.typed_config'), faults),
    strict: message.strict ?? false,
    missingStatus: message.status_on_strict_destination_not_found || 503,
    statPrefix: message.stat_prefix ?? '',
  };
}

export function translateSessionRoute(
  message: MessageOf<typeof statefulSessionPerRoute>,
  path: string,
  faults: Faults,
): RouteFilterConfig {
  if (message.stateful_session !== undefined)
    return translateStatefulSession(message.stateful_session, join(path, 'stateful_session'), faults);
  if (message.disabled !== true) faults.add(path, 'one of disabled, stateful_session must be set');
  return { kind: 'disabled' };
}

/** null: no request has a session, as in Envoy. */
function translatePlace(
  { session_state: state }: MessageOf<typeof statefulSession>,
  path: string,
  faults: Faults,
): SessionPlace | null {
  if (state === undefined) return null;
  const header = unpack(state.typed_config, headerSession);
  if (header !== null) return { kind: 'header', name: (header.name ?? '').toLowerCase() };
  const cookie = unpack(state.typed_config, cookieSession)?.cookie;
  if (cookie === undefined) {
    // Of another type it was refused already.
    if (state.typed_config === undefined) faults.add(path, 'must be set');
    else if (state.typed_config.value !== null) faults.add(join(path, 'cookie'), 'must be set');
    return null;
  }
  return {
    kind: 'cookie',
    name: cookie.name ?? '',
    path: cookie.path ?? '',
    ttlSeconds: Math.floor((cookie.ttl ?? 0) / 1000),
  };
}
