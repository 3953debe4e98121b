// What routes make of a path: by a prefix, by a regular expression, by a template. One home for forwarding, redirects,
// hash policies and hosts that are made of paths.

import {
  compileRewrite,
  type PathRewrite,
  parseTemplateRewrite,
  parseUriTemplate,
  type TextRewrite,
  type UriTemplate,
} from '../../../policy/index.ts';
import {
  type Faults,
  join,
  type MessageOf,
  type pathMatchPolicy,
  type pathRewritePolicy,
  type regexMatchAndSubstitute,
  unpack,
  uriTemplateMatch,
  uriTemplateRewrite,
} from '../schema/index.ts';
import { checkRequestPath } from './message-text.ts';

type Substitution = MessageOf<typeof regexMatchAndSubstitute>;

/** The one regular expression that Gateway API's ReplaceFullPath compiles to: the whole path without its query. */
const wholePath = '^/[^?]*$';

/** Null where it is at fault. */
export function translateTextRewrite(
  message: Substitution,
  path: string,
  faults: Faults,
): TextRewrite | null {
  const { pattern, substitution = '' } = message;
  if (pattern === undefined) faults.add(join(path, 'pattern'), 'must be set');
  const made = compileRewrite(pattern?.regex ?? '', substitution);
  if (made.ok) return made.value;
  const { at, rule } = made.error;
  const field = at === 'pattern' ? 'pattern.regex' : 'substitution';
  faults.add(join(path, field), rule, at === 'pattern' ? pattern?.regex : substitution);
  return null;
}

export function translatePathPattern(
  message: Substitution,
  path: string,
  faults: Faults,
): PathRewrite | null {
  const { pattern, substitution = '' } = message;
  const at = join(path, 'substitution');
  // What groups hold comes from a path; the rest must be able to stand in one.
  if (!/^[!"$-~]*$/.test(substitution)) faults.add(at, 'must be visible ASCII without #', substitution);
  if (pattern?.regex === wholePath && !/[\\?]/.test(substitution)) {
    checkRequestPath(substitution, at, faults);
    return { kind: 'full', value: substitution };
  }
  const rewrite = translateTextRewrite(message, path, faults);
  return rewrite === null ? null : { kind: 'pattern', rewrite };
}

type PathMatchPolicy = MessageOf<typeof pathMatchPolicy>;

/** The template that a route matches by; null: it is at fault. */
export function translateTemplate(policy: PathMatchPolicy, path: string, faults: Faults): UriTemplate | null {
  const text = unpack(policy.typed_config, uriTemplateMatch)?.path_template ?? '';
  const template = parseUriTemplate(text);
  if (template.ok) return template.value;
  faults.add(join(path, 'typed_config.path_template'), template.error, text);
  return null;
}

/** `matched`: what the route matches by; undefined: no template. */
export function translateTemplateRewrite(
  policy: MessageOf<typeof pathRewritePolicy>,
  matched: PathMatchPolicy | undefined,
  path: string,
  faults: Faults,
): PathRewrite | null {
  const at = join(path, 'typed_config.path_template_rewrite');
  const text = unpack(policy.typed_config, uriTemplateRewrite)?.path_template_rewrite ?? '';
  if (matched === undefined) {
    faults.add(path, 'needs a match.path_match_policy by a template');
    return null;
  }
  const matchedText = unpack(matched.typed_config, uriTemplateMatch)?.path_template ?? '';
  const template = parseUriTemplate(matchedText);
  // The match reports it.
  if (!template.ok) return null;
  checkRequestPath(text, at, faults);
  const { pattern, variables } = template.value;
  const substitution = parseTemplateRewrite(text, variables);
  if (!substitution.ok) {
    faults.add(at, substitution.error, text);
    return null;
  }
  const made = compileRewrite(`^${pattern}$`, substitution.value);
  if (made.ok) return { kind: 'pattern', rewrite: made.value };
  faults.add(at, made.error.rule, text);
  return null;
}
