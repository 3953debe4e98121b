// Tables: network filters that may stand before the last one of a chain.

import { f, message, positive, required } from './field.ts';
import { tokenBucket } from './rate-limit.ts';
import { accessRules } from './rbac.ts';
import { runtimeFlag } from './runtime-flag.ts';

const network = 'envoy.extensions.filters.network';

export const networkRbac = message(`${network}.rbac.v3.RBAC`, {
  rules: f.message(1, accessRules),
  shadow_rules: f.message(2, accessRules),
  stat_prefix: f.string(3, '', required),
  enforcement_type: f.enum(
    4,
    { ONE_TIME_ON_FIRST_BYTE: 0, CONTINUOUS: 1 },
    'judged once, when the connection and its TLS are open: nothing that is judged changes later',
  ),
});

export const connectionLimit = message(`${network}.connection_limit.v3.ConnectionLimit`, {
  stat_prefix: f.string(1, '', required),
  max_connections: f.uint64Value(2, '', positive),
  delay: f.duration(3, 'of 10,000 refused ones at a time; more are reset at once'),
  runtime_enabled: f.message(4, runtimeFlag),
});

export const connectionRate = message(`${network}.local_ratelimit.v3.LocalRateLimit`, {
  stat_prefix: f.string(1, '', required),
  token_bucket: f.message(2, tokenBucket),
  runtime_enabled: f.message(3, runtimeFlag),
  share_key: f.string(4, 'of filters with the same token_bucket'),
});

export const sniCluster = message(`${network}.sni_cluster.v3.SniCluster`, {});

export const networkFilterTypes = [networkRbac, connectionLimit, connectionRate, sniCluster] as const;
