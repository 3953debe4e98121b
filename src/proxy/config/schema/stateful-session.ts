// Tables: the filter stateful_session, and where it keeps a session.

import { f, forPeople, message, only, required } from './field.ts';

const states = 'envoy.extensions.http.stateful_session';

const cookie = message('envoy.type.http.v3.Cookie', {
  name: f.string(1, '', required),
  ttl: f.duration(2, 'whole seconds; default for the client’s session'),
  path: f.string(3, 'of requests that have a session; default any'),
});

export const cookieSession = message(`${states}.cookie.v3.CookieBasedSessionState`, {
  cookie: f.message(1, cookie),
});

export const headerSession = message(`${states}.header.v3.HeaderBasedSessionState`, {
  name: f.string(1, '', required),
});

const sessionState = message('envoy.config.core.v3.TypedExtensionConfig', {
  name: f.string(1, forPeople),
  typed_config: f.any(2, [cookieSession, headerSession]),
});

const refusing = (value: number) =>
  value === 0 || (value >= 400 && value <= 599) ? null : 'must be 400 to 599';

export const statefulSession = message('envoy.extensions.filters.http.stateful_session.v3.StatefulSession', {
  session_state: f.message(1, sessionState),
  strict: f.bool(2, 'the first attempt has its own endpoint or none'),
  stat_prefix: f.string(3, 'none: nothing is counted'),
  status_on_strict_destination_not_found: f.uint32(
    4,
    'default 503; 400 to 599; where no endpoint has that address',
    refusing,
  ),
});

export const statefulSessionPerRoute = message(
  'envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute',
  { disabled: f.bool(1, 'true', only(true)), stateful_session: f.message(2, statefulSession) },
  [['disabled', 'stateful_session']],
);
