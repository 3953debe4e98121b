// HTTP filters that a proxy is given before its router: each does its work for every request, and lets it pass.

const extensions = 'type.googleapis.com/envoy.extensions.filters.http';
const always = { runtime_key: 'bench', default_value: { numerator: 100 } };

/**
 * By name; '' is none. The load's bearer token is no JWT, which `jwt_authn` finds out. `typescript` is one of the
 * user's own, which only Weft has.
 */
const filters = {
  fault: filter('fault.v3.HTTPFault', {
    delay: { fixed_delay: '1s', percentage: { numerator: 100 } },
    headers: [{ name: 'x-absent', string_match: { exact: 'yes' } }],
  }),
  local_ratelimit: filter('local_ratelimit.v3.LocalRateLimit', {
    stat_prefix: 'bench',
    filter_enabled: always,
    filter_enforced: always,
    token_bucket: { max_tokens: 2_000_000_000, tokens_per_fill: 2_000_000_000, fill_interval: '1s' },
  }),
  rbac: filter('rbac.v3.RBAC', {
    rules: {
      policies: {
        accounts: {
          permissions: [{ url_path: { path: { prefix: '/accounts/' } } }],
          principals: [{ remote_ip: { address_prefix: '127.0.0.0', prefix_len: 8 } }],
        },
      },
    },
  }),
  cors: filter('cors.v3.Cors', {}),
  csrf: filter('csrf.v3.CsrfPolicy', { filter_enabled: always }),
  header_mutation: filter('header_mutation.v3.HeaderMutation', {
    mutations: {
      request_mutations: [{ append: { header: { key: 'x-bench', value: 'yes' } } }],
      response_mutations: [{ append: { header: { key: 'x-bench', value: 'yes' } } }],
    },
  }),
  jwt_authn: filter('jwt_authn.v3.JwtAuthentication', {
    providers: {
      bench: {
        issuer: 'bench',
        local_jwks: { inline_string: '{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"c2VjcmV0"}]}' },
      },
    },
    rules: [
      {
        match: { prefix: '/' },
        requires: {
          requires_any: { requirements: [{ provider_name: 'bench' }, { allow_missing_or_failed: {} }] },
        },
      },
    ],
  }),
  compressor: filter('compressor.v3.Compressor', {
    compressor_library: {
      name: 'gzip',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip',
      },
    },
  }),
  typescript: {
    name: 'typescript',
    typed_config: {
      '@type': 'type.googleapis.com/xds.type.v3.TypedStruct',
      type_url: 'type.googleapis.com/weft.dev/v1alpha1.UserFilter',
      value: { filter: 'bench' },
    },
  },
};

export type FilterName = keyof typeof filters | '';

export const filterNames = Object.keys(filters) as readonly Exclude<FilterName, ''>[];

export function filterConfigs(name: FilterName): readonly object[] {
  return name === '' ? [] : [filters[name]];
}

function filter(type: string, fields: object): object {
  return { name: type, typed_config: { '@type': `${extensions}.${type}`, ...fields } };
}
