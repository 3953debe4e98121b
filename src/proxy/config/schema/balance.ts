// Tables: how endpoints are chosen, by fields of envoy.config.cluster.v3.Cluster and by the extensions
// envoy.extensions.load_balancing_policies.

import { plainMetrics } from '../../../policy/index.ts';
import { percent, runtimeDouble } from './core.ts';
import { f, forPeople, type MessageSpec, message, notEmpty, only, required } from './field.ts';
import { typedStruct } from './typed-struct.ts';

const atLeastTwo = (value: number) => (value >= 2 ? null : 'must be at least 2');

const leastRequestFields = {
  choice_count: f.uint32Value(1, '2 or more, default 2', atLeastTwo),
  active_request_bias: f.message(
    2,
    runtimeDouble,
    '0 or more; absent: unequal weights count in the choice of a few, where Envoy takes turns',
  ),
};

const atLeastHundred = (value: number) => (value >= 100 ? null : 'must be at least 100');

const hashingFields = {
  use_hostname_for_hashing: f.bool(1, 'an endpoint without a name goes by its address'),
  hash_balance_factor: f.uint32Value(2, '100 or more', atLeastHundred),
};

const ringSize = (value: number) => (value >= 1 && value <= ringSizeMax ? null : 'must be 1 to 8388608');
/** Places on a ring: Envoy's own bound. */
const ringSizeMax = 8_388_608;
const tableSize = (value: number) =>
  value >= 2 && value <= 5_000_011 ? null : 'must be a prime up to 5000011';
const xxHashOnly = only('XX_HASH');

export const ringHashConfig = message('envoy.config.cluster.v3.Cluster.RingHashLbConfig', {
  minimum_ring_size: f.uint64Value(1, '1 to 8388608, default 1024', ringSize),
  hash_function: f.enum(3, { XX_HASH: 0, MURMUR_HASH_2: 1 }, 'XX_HASH', xxHashOnly),
  maximum_ring_size: f.uint64Value(4, '1 to 8388608, the default', ringSize),
});

export const maglevConfig = message('envoy.config.cluster.v3.Cluster.MaglevLbConfig', {
  table_size: f.uint64Value(1, 'a prime up to 5000011, default 65537', tableSize),
});

const selectorFallbacks = {
  NOT_DEFINED: 0,
  NO_FALLBACK: 1,
  ANY_ENDPOINT: 2,
  DEFAULT_SUBSET: 3,
  KEYS_SUBSET: 4,
};

/** A cluster's own message and the extension's have the same fields, as far as the former has them. */
const subsetFields = <const N extends string>(selector: N) => ({
  fallback_policy: f.enum(1, { NO_FALLBACK: 0, ANY_ENDPOINT: 1, DEFAULT_SUBSET: 2 }),
  default_subset: f.struct(2),
  subset_selectors: f.repeated(
    f.message(
      3,
      message(selector, {
        keys: f.repeated(f.string(1, '', notEmpty)),
        single_host_per_subset: f.bool(4),
        fallback_policy: f.enum(
          2,
          selectorFallbacks,
          'also of a selector that a longer one before it begins with',
        ),
        fallback_keys_subset: f.repeated(f.string(3)),
      }),
      'labels under envoy.lb in an endpoint’s metadata; 10000 subsets of a cluster at most',
    ),
  ),
  locality_weight_aware: f.bool(4),
  scale_locality_weight: f.bool(5, 'with locality_weight_aware'),
  panic_mode_any: f.bool(6),
  list_as_any: f.bool(7),
  metadata_fallback_policy: f.enum(8, { METADATA_NO_FALLBACK: 0, FALLBACK_LIST: 1 }),
});

export const lbSubsetConfig = message(
  'envoy.config.cluster.v3.Cluster.LbSubsetConfig',
  subsetFields('envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector'),
);

/** envoy.config.core.v3.HealthStatus. */
export const healthStatuses = { UNKNOWN: 0, HEALTHY: 1, UNHEALTHY: 2, DRAINING: 3, TIMEOUT: 4, DEGRADED: 5 };

const routingEnabled = f.message(1, percent, 'default 100, rounded to a whole number');
const clusterSizeMin = f.uint64Value(2, 'default 6');
const failOnPanic = f.bool(3, 'also holds for a panic of the cluster itself');

export const commonLbConfig = message(
  'envoy.config.cluster.v3.Cluster.CommonLbConfig',
  {
    healthy_panic_threshold: f.message(1, percent, 'default 50, rounded to a whole number'),
    zone_aware_lb_config: f.message(
      2,
      message('envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig', {
        routing_enabled: routingEnabled,
        min_cluster_size: clusterSizeMin,
        fail_traffic_on_panic: failOnPanic,
      }),
      'needs cluster_manager.local_cluster_name',
    ),
    locality_weighted_lb_config: f.message(
      3,
      message('envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig', {}),
    ),
    ignore_new_hosts_until_first_hc: f.bool(5),
    update_merge_window: f.duration(4, 'updates are put into force as they come'),
    close_connections_on_host_set_change: f.bool(6),
    consistent_hashing_lb_config: f.message(
      7,
      message('envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig', hashingFields),
      'of RING_HASH and MAGLEV',
    ),
    override_host_status: f.message(
      8,
      message('envoy.config.core.v3.HealthStatusSet', { statuses: f.repeated(f.enum(1, healthStatuses)) }),
      'default UNKNOWN, HEALTHY, DEGRADED',
    ),
  },
  [['zone_aware_lb_config', 'locality_weighted_lb_config']],
);

const common = 'envoy.extensions.load_balancing_policies.common.v3';

const consistentHashing = message(`${common}.ConsistentHashingLbConfig`, hashingFields);

const localityWeighted = message(`${common}.LocalityLbConfig.LocalityWeightedLbConfig`, {});

/** Slow start is what the two places of a cluster and its policies call differently, with the same fields. */
const slowStartFields = {
  slow_start_window: f.duration(1, 'none is no slow start'),
  aggression: f.message(2, runtimeDouble, 'default 1; above 0'),
  min_weight_percent: f.message(3, percent, 'default 10'),
};
const slowStart = message('envoy.config.cluster.v3.Cluster.SlowStartConfig', slowStartFields);
const extensionSlowStart = message(`${common}.SlowStartConfig`, slowStartFields);

export const leastRequestConfig = message('envoy.config.cluster.v3.Cluster.LeastRequestLbConfig', {
  ...leastRequestFields,
  slow_start_config: f.message(3, slowStart),
});
export const roundRobinConfig = message('envoy.config.cluster.v3.Cluster.RoundRobinLbConfig', {
  slow_start_config: f.message(1, slowStart),
});

const localityLbConfig = message(
  `${common}.LocalityLbConfig`,
  {
    zone_aware_lb_config: f.message(
      1,
      message(`${common}.LocalityLbConfig.ZoneAwareLbConfig`, {
        routing_enabled: routingEnabled,
        min_cluster_size: clusterSizeMin,
        fail_traffic_on_panic: failOnPanic,
        force_locality_direct_routing: f.bool(4),
      }),
      'needs cluster_manager.local_cluster_name',
    ),
    locality_weighted_lb_config: f.message(2, localityWeighted),
  },
  [['zone_aware_lb_config', 'locality_weighted_lb_config']],
);

export const leastRequest = message(
  'envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest',
  {
    ...leastRequestFields,
    slow_start_config: f.message(3, extensionSlowStart),
    locality_lb_config: f.message(4, localityLbConfig),
    enable_full_scan: f.boolValue(5, 'deprecated in Envoy'),
    selection_method: f.enum(
      6,
      { N_CHOICES: 0, FULL_SCAN: 1 },
      'FULL_SCAN: of equal weights; unequal ones take turns',
    ),
  },
);
export const roundRobin = message('envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin', {
  slow_start_config: f.message(1, extensionSlowStart),
  locality_lb_config: f.message(2, localityLbConfig),
});
export const ringHash = message('envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash', {
  hash_function: f.enum(
    1,
    { DEFAULT_HASH: 0, XX_HASH: 1, MURMUR_HASH_2: 2 },
    'DEFAULT_HASH, XX_HASH',
    only('DEFAULT_HASH', 'XX_HASH'),
  ),
  minimum_ring_size: f.uint64Value(2, '1 to 8388608, default 1024', ringSize),
  maximum_ring_size: f.uint64Value(3, '1 to 8388608, the default', ringSize),
  use_hostname_for_hashing: f.bool(4, 'deprecated in Envoy'),
  hash_balance_factor: f.uint32Value(5, 'deprecated in Envoy', atLeastHundred),
  consistent_hashing_lb_config: f.message(6, consistentHashing),
  locality_weighted_lb_config: f.message(7, localityWeighted),
});
export const maglev = message('envoy.extensions.load_balancing_policies.maglev.v3.Maglev', {
  table_size: f.uint64Value(1, 'a prime up to 5000011, default 65537', tableSize),
  consistent_hashing_lb_config: f.message(2, consistentHashing),
  locality_weighted_lb_config: f.message(3, localityWeighted),
});
export const randomPolicy = message('envoy.extensions.load_balancing_policies.random.v3.Random', {
  locality_lb_config: f.message(1, localityLbConfig),
});

/** Figures of an OrcaLoadReport, as two messages name them. */
export const metricNames =
  'cpu_utilization, mem_utilization, application_utilization, eps, rps_fractional, or of named_metrics, utilization and request_cost one behind a dot, all by *';
export const metricName = (value: string) =>
  Object.hasOwn(plainMetrics, value) || /^(named_metrics|utilization|request_cost)\../.test(value)
    ? null
    : `must be one of ${metricNames}`;

const outOfBand = 'endpoints’ reports are taken from their answers';

export const loadWeighted = message(
  'envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin',
  {
    enable_oob_load_report: f.boolValue(1, `false: ${outOfBand}`, (value) =>
      value ? `must be false: ${outOfBand}` : null,
    ),
    oob_reporting_period: f.refused(2, outOfBand),
    blackout_period: f.duration(3, 'default 10 s'),
    weight_expiration_period: f.duration(4, 'default 180 s'),
    weight_update_period: f.duration(5, 'default 1 s; 100 ms where it is less'),
    error_utilization_penalty: f.floatValue(
      6,
      'default 0: what Envoy 1.40 does, where its documentation says 1',
      (value) => (value >= 0 ? null : 'must not be negative'),
    ),
    metric_names_for_computing_utilization: f.repeated(
      f.string(7, `before application_utilization and cpu_utilization: ${metricNames}`, metricName),
    ),
    slow_start_config: f.message(8, extensionSlowStart),
    oob_reporting_config: f.refused(9, outOfBand),
  },
);

const subsetName = 'envoy.extensions.load_balancing_policies.subset.v3.Subset';

/** A list of policies of which the first known one holds. */
function createPolicies(types: readonly MessageSpec[], names: string) {
  const typedExtension = message('envoy.config.core.v3.TypedExtensionConfig', {
    name: f.string(1, forPeople),
    typed_config: f.any(2, types, `the first known one holds: ${names}`, true),
  });
  return message('envoy.config.cluster.v3.LoadBalancingPolicy', {
    policies: f.repeated(
      f.message(
        1,
        message('envoy.config.cluster.v3.LoadBalancingPolicy.Policy', {
          typed_extension_config: f.message(4, typedExtension),
        }),
      ),
    ),
  });
}

const plain = [typedStruct, leastRequest, roundRobin, loadWeighted, randomPolicy, ringHash, maglev];
const plainNames =
  'TypedStruct weft.dev/v1alpha1.LatencyAware, LeastRequest, RoundRobin, ClientSideWeightedRoundRobin, Random, RingHash, Maglev';

export const subset = message(subsetName, {
  ...subsetFields(`${subsetName}.LbSubsetSelector`),
  allow_redundant_keys: f.bool(10),
  subset_lb_policy: f.message(9, createPolicies(plain, plainNames), 'none that divides again'),
});

const overridePolicies = 'envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost';

const metadataKey = message('envoy.type.metadata.v3.MetadataKey', {
  key: f.string(1, '', required),
  path: f.repeated(
    f.message(
      2,
      message('envoy.type.metadata.v3.MetadataKey.PathSegment', { key: f.string(1, '', required) }),
    ),
  ),
});

export const overrideHost = message(overridePolicies, {
  override_host_sources: f.repeated(
    f.message(
      1,
      message(`${overridePolicies}.OverrideHostSource`, {
        header: f.string(1),
        metadata: f.message(2, metadataKey),
      }),
      'addresses with ports, by commas; 64 at most count',
    ),
  ),
  selected_host_key: f.message(2, metadataKey),
  fallback_policy: f.message(3, createPolicies([...plain, subset], `${plainNames}, Subset`)),
});

export const loadBalancingPolicy = createPolicies(
  [...plain, subset, overrideHost],
  `${plainNames}, Subset, OverrideHost`,
);
