// Table: envoy.config.route.v3.HeaderMatcher, which routes and filters ask alike.

import { regexMatcher, stringMatcher } from './core.ts';
import { f, message, notEmpty, required } from './field.ts';

export const headerMatcher = message(
  'envoy.config.route.v3.HeaderMatcher',
  {
    name: f.string(1, '', required),
    exact_match: f.string(4),
    safe_regex_match: f.message(11, regexMatcher),
    range_match: f.message(
      6,
      message('envoy.type.v3.Int64Range', { start: f.int32(1), end: f.int32(2) }),
      'bounds of 32 bits',
    ),
    present_match: f.bool(7),
    prefix_match: f.string(9, '', notEmpty),
    suffix_match: f.string(10, '', notEmpty),
    contains_match: f.string(12, '', notEmpty),
    string_match: f.message(13, stringMatcher),
    invert_match: f.bool(8),
    treat_missing_header_as_empty: f.bool(14),
  },
  [
    [
      'exact_match',
      'safe_regex_match',
      'range_match',
      'present_match',
      'prefix_match',
      'suffix_match',
      'contains_match',
      'string_match',
    ],
  ],
);
