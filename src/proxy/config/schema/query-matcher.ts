// Table: what a parameter of a request's query is compared with.

import { stringMatcher } from './core.ts';
import { f, message, only, required } from './field.ts';

export const queryParameterMatcher = message(
  'envoy.config.route.v3.QueryParameterMatcher',
  {
    name: f.string(1, '', required),
    string_match: f.message(5, stringMatcher),
    present_match: f.bool(6, 'true', only(true)),
  },
  [['string_match', 'present_match']],
);
