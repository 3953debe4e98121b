// Tables: options of the HTTP connection manager that few listeners set.

import { f, message, only, required } from './field.ts';
import { headerMutationRule } from './filters.ts';

const managers = 'envoy.extensions.filters.network.http_connection_manager.v3';

export const earlyHeaderMutation = message(
  'envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation',
  { mutations: f.repeated(f.message(1, headerMutationRule)) },
);

export const earlyMutationExtension = message('envoy.config.core.v3.TypedExtensionConfig', {
  name: f.string(1, '', required),
  typed_config: f.any(2, [earlyHeaderMutation]),
});

export const schemeTransformation = message('envoy.config.core.v3.SchemeHeaderTransformation', {
  scheme_to_overwrite: f.string(1, 'http or https', only('http', 'https')),
  match_upstream: f.bool(2, 'false', only(false)),
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
