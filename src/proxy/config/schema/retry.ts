// Tables: what is tried again and where, and after how long (envoy.config.route.v3.RetryPolicy).

import { retryWords } from '../../../policy/index.ts';
import { metadata } from './core.ts';
import { atMost, f, forPeople, message, positive, required } from './field.ts';
import { headerMatcher } from './header-matcher.ts';

const retryBackOff = message('envoy.config.route.v3.RetryPolicy.RetryBackOff', {
  base_interval: f.duration(1, '', positive),
  max_interval: f.duration(2, 'default 10 × base_interval', positive),
});

const previousHosts = message('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate', {});

export const omitCanaries = message(
  'envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate',
  {},
);

export const omitMetadata = message(
  'envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig',
  {
    metadata_match: f.message(1, metadata, 'envoy.lb'),
  },
);

export const previousPriorities = message(
  'envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig',
  { update_frequency: f.int32(1, '', positive) },
);

const retryPriority = message('envoy.config.route.v3.RetryPolicy.RetryPriority', {
  name: f.string(1, forPeople),
  typed_config: f.any(3, [previousPriorities]),
});

const resetHeader = message('envoy.config.route.v3.RetryPolicy.ResetHeader', {
  name: f.string(1, '', required),
  format: f.enum(2, { SECONDS: 0, UNIX_TIMESTAMP: 1 }),
});

const rateLimitedBackOff = message('envoy.config.route.v3.RetryPolicy.RateLimitedRetryBackOff', {
  reset_headers: f.repeated(f.message(1, resetHeader)),
  max_interval: f.duration(2, 'default 300s', positive),
});

const retryHostPredicate = message('envoy.config.route.v3.RetryPolicy.RetryHostPredicate', {
  name: f.string(1, forPeople),
  typed_config: f.any(3, [previousHosts, omitCanaries, omitMetadata], 'previous_hosts always holds'),
});

export const retryPolicy = message('envoy.config.route.v3.RetryPolicy', {
  retry_on: f.string(
    1,
    `${retryWords.join(', ')}; what an endpoint refused unseen (refused-stream) goes elsewhere in any case`,
  ),
  num_retries: f.uint32Value(2, '0 to 16, default 1', atMost(16)),
  per_try_timeout: f.duration(3),
  per_try_idle_timeout: f.duration(13),
  retry_priority: f.message(4, retryPriority),
  retry_options_predicates: f.repeated(f.refused(12, 'Envoy has none')),
  retry_host_predicate: f.repeated(f.message(5, retryHostPredicate)),
  host_selection_retry_max_attempts: f.uint32(6, 'a tried endpoint is never chosen while another is left'),
  retriable_status_codes: f.repeated(f.uint32(7, '100 to 599', atMost(599))),
  retry_back_off: f.message(8, retryBackOff, 'default 25 ms, 250 ms'),
  retriable_headers: f.repeated(f.message(9, headerMatcher)),
  retriable_request_headers: f.repeated(
    f.message(10, headerMatcher, 'what never reached an endpoint goes elsewhere in any case'),
  ),
  rate_limited_retry_back_off: f.message(11, rateLimitedBackOff),
});
