// The connection manager's options that rewrite heads, as one value: null where none of them does anything.

import type { httpConnectionManager, MessageOf } from '../schema/index.ts';
import type { HeadRules } from '../types.ts';

const escapedSlashes = {
  IMPLEMENTATION_SPECIFIC_DEFAULT: 'keep',
  KEEP_UNCHANGED: 'keep',
  REJECT_REQUEST: 'reject',
  UNESCAPE_AND_REDIRECT: 'redirect',
  UNESCAPE_AND_FORWARD: 'forward',
} as const;

const underscores = { ALLOW: 'allow', REJECT_REQUEST: 'reject', DROP_HEADER: 'drop' } as const;

export function translateHeadRules(hcm: MessageOf<typeof httpConnectionManager>): HeadRules | null {
  const common = hcm.common_http_protocol_options;
  const rules: HeadRules = {
    escapedSlashes: escapedSlashes[hcm.path_with_escaped_slashes_action ?? 'KEEP_UNCHANGED'],
    normalizesPath: hcm.normalize_path === true,
    mergesSlashes: hcm.merge_slashes === true,
    underscores: underscores[common?.headers_with_underscores_action ?? 'ALLOW'],
    stripsPort:
      hcm.strip_any_host_port === true ? 'any' : hcm.strip_matching_host_port === true ? 'own' : 'no',
    stripsDot: hcm.strip_trailing_host_dot === true,
  };
  return Object.values(rules).every((rule) => nothing.has(rule)) ? null : rules;
}

const nothing: ReadonlySet<string | boolean> = new Set([false, 'keep', 'allow', 'no']);
