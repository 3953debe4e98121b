export { AnyHeader } from './any-header.ts';
export { compileRoutes, type RouteTable } from './compile-routes.ts';
export type { RouteHit } from './compiled-route.ts';
export {
  allowsRedirect,
  type InternalRedirects,
  parseLocation,
  RedirectHistory,
  type RedirectPredicate,
  type RedirectTarget,
} from './internal-redirect.ts';
export {
  type CompiledHeader,
  compileHeaders,
  compileParameters,
  compileValue,
  compileValues,
  matchesHeaders,
  matchesQuery,
  type ValueMatcher,
} from './match-value.ts';
export {
  authorityFault,
  editedHeaderFault,
  fieldValueFault,
  locationPathFault,
  requestPathFault,
  schemeFault,
} from './message-rules.ts';
export { compileRegex, compileRewrite, portableRegexFault, re2Size } from './regex/index.ts';
export type {
  DescriptorAction,
  DescriptorRule,
  HashPolicy,
  HeaderEdits,
  HeaderMatch,
  HeaderStep,
  MatchFacts,
  MetadataPlace,
  MirrorPolicy,
  PathMatch,
  PathRewrite,
  RequestView,
  Route,
  RouteAction,
  RouteCondition,
  RouteConfig,
  RouteMatch,
  RouteTally,
  RouteTimeouts,
  RouteTracing,
  SpanTag,
  StreamDuration,
  StringMatch,
  TextRewrite,
  VirtualCluster,
  VirtualHost,
  WeightedCluster,
} from './types.ts';
export { parseTemplateRewrite, parseUriTemplate, type UriTemplate } from './uri-template.ts';
