// RouteMatch: what of a request a route is for.

import {
  AccessMetadata,
  type HeaderMatch,
  type PathMatch,
  type RouteCondition,
  type RouteMatch,
} from '../../../policy/index.ts';
import { type Faults, join, type MessageOf, type routeMatch } from '../schema/index.ts';

import { translateMetadata } from './metadata-match.ts';
import { translateTemplate } from './rewrites.ts';
import { shareOf } from './share.ts';
import { checkRegex, present, translateHeader, translateString } from './string-match.ts';

type RouteMatchMessage = MessageOf<typeof routeMatch>;

export function translateMatch(match: RouteMatchMessage, path: string, faults: Faults): RouteMatch {
  const headers = match.headers.map((header, index) =>
    translateHeader(header, `${join(path, 'headers')}[${index}]`, faults),
  );
  if (match.grpc !== undefined) headers.push(grpcMatch);
  const query = translateQuery(match.query_parameters, join(path, 'query_parameters'), faults);
  const fraction = match.runtime_fraction;
  const share = fraction === undefined ? {} : { share: shareOf(fraction.default_value, 1) };
  const conditions = translateConditions(match, path, faults);
  return {
    path: translatePath(match, path, faults),
    headers,
    query,
    ...share,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

function translateConditions(match: RouteMatchMessage, path: string, faults: Faults): RouteCondition[] {
  const conditions = match.dynamic_metadata.map((message, index): RouteCondition => {
    const before = faults.issues.length;
    const wanted = translateMetadata(message, `${join(path, 'dynamic_metadata')}[${index}]`, faults);
    if (faults.issues.length > before) return { holds: () => false };
    const said = new AccessMetadata(wanted);
    return { holds: (facts) => said.matches((filter) => facts.saidBy(filter)) };
  });
  const { presented, validated } = match.tls_context ?? {};
  if (presented !== undefined)
    conditions.push({ holds: ({ clientCertificate }) => (clientCertificate !== 'none') === presented });
  if (validated !== undefined)
    conditions.push({ holds: ({ clientCertificate }) => (clientCertificate === 'valid') === validated });
  return conditions;
}

const grpcMatch: HeaderMatch = {
  name: 'content-type',
  match: { kind: 'regex', value: 'application/grpc(\\+.*)?' },
  invert: false,
};

function translatePath(match: RouteMatchMessage, path: string, faults: Faults): PathMatch {
  const ignoreCase = match.case_sensitive === false;
  if (match.safe_regex !== undefined) {
    const value = match.safe_regex.regex ?? '';
    checkRegex(value, join(path, 'safe_regex.regex'), faults);
    if (ignoreCase) faults.add(join(path, 'case_sensitive'), 'does not hold for safe_regex', false);
    return { kind: 'regex', value };
  }
  if (match.path !== undefined) return { kind: 'exact', value: match.path, ignoreCase };
  if (match.path_separated_prefix !== undefined) {
    const value = match.path_separated_prefix;
    if (!value.startsWith('/') || value.endsWith('/') || /[?#]/.test(value)) {
      faults.add(
        join(path, 'path_separated_prefix'),
        'must start with / and not end with /, without ? and #',
        value,
      );
    }
    return { kind: 'separated-prefix', value, ignoreCase };
  }
  if (match.path_match_policy !== undefined) {
    const template = translateTemplate(match.path_match_policy, join(path, 'path_match_policy'), faults);
    if (template === null) return { kind: 'exact', value: '', ignoreCase: false };
    checkRegex(template.pattern, join(path, 'path_match_policy'), faults);
    return { kind: 'regex', value: template.pattern };
  }
  if (match.connect_matcher !== undefined) return { kind: 'connect', value: '', ignoreCase: false };
  if (match.prefix === undefined) {
    faults.add(
      path,
      'one of prefix, path, safe_regex, path_separated_prefix, connect_matcher, path_match_policy must be set',
    );
  }
  return { kind: 'prefix', value: match.prefix ?? '/', ignoreCase };
}

export function translateQuery(
  parameters: RouteMatchMessage['query_parameters'],
  path: string,
  faults: Faults,
): RouteMatch['query'] {
  return parameters.map((parameter, index) => {
    const string = parameter.string_match;
    const at = join(`${path}[${index}]`, 'string_match');
    return {
      name: parameter.name ?? '',
      match: string === undefined ? present : translateString(string, at, faults),
    };
  });
}
