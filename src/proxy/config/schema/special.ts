// Tables: options of the HTTP connection manager that few listeners set.

import { f, forPeople, message, only, required } from './field.ts';
import { headerMutationRule } from './filters.ts';

const managers = 'envoy.extensions.filters.network.http_connection_manager.v3';

export const earlyHeaderMutation = message(
  'envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation',
  { mutations: f.repeated(f.message(1, headerMutationRule)) },
);

export const earlyMutationExtension = message('envoy.config.core.v3.TypedExtensionConfig', {
  name: f.string(1, forPeople, required),
  typed_config: f.any(2, [earlyHeaderMutation]),
});

export const schemeTransformation = message('envoy.config.core.v3.SchemeHeaderTransformation', {
  scheme_to_overwrite: f.string(1, 'http or https', only('http', 'https')),
  match_upstream: f.bool(2, 'without scheme_to_overwrite'),
});

export const uuidRequestIds = message('envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig', {
  pack_trace_reason: f.boolValue(1, 'default true'),
  use_request_id_for_trace_sampling: f.boolValue(2, 'default true; false: every request is traced'),
});

export const requestIdExtension = message(`${managers}.RequestIDExtension`, {
  typed_config: f.any(1, [uuidRequestIds]),
});

export const proxyStatusConfig = message(
  `${managers}.HttpConnectionManager.ProxyStatusConfig`,
  {
    remove_details: f.bool(1),
    remove_connection_termination_details: f.bool(2, 'they are never told'),
    remove_response_flags: f.bool(3),
    set_recommended_response_code: f.bool(4),
    use_node_id: f.bool(5),
    literal_proxy_name: f.string(6),
  },
  [['use_node_id', 'literal_proxy_name']],
);
