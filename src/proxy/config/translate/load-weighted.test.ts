import { expect, test } from 'bun:test';
import { cluster, decodeJson, Faults } from '../schema/index.ts';
import { translateCluster } from './cluster.ts';

const type =
  'envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin';

function translate(fields: object, said: object = {}) {
  const faults = new Faults('c');
  const policy = { typed_config: { '@type': `type.googleapis.com/${type}`, ...fields } };
  const json = {
    name: 'c',
    load_balancing_policy: { policies: [{ typed_extension_config: policy }] },
    ...said,
  };
  const { config } = translateCluster(decodeJson(cluster, json, '', faults), '', faults);
  return {
    config,
    faults: faults.issues.map(({ field, rule }) => `${field.split('typed_config.').at(-1)}: ${rule}`),
  };
}

test('Envoy’s defaults', () => {
  const { config, faults } = translate({ enable_oob_load_report: false });
  expect(faults).toEqual([]);
  expect(config.balance).toEqual({
    kind: 'load-weighted',
    blackoutMs: 10_000,
    expirationMs: 180_000,
    updateMs: 1_000,
    errorPenalty: 0,
    metricNames: [],
  });
  expect(config.reportedMetrics).toBeUndefined();
});

test('what is said, and the cluster’s word on localities', () => {
  const { config, faults } = translate(
    {
      blackout_period: '0s',
      weight_expiration_period: '60s',
      weight_update_period: '0.01s',
      error_utilization_penalty: 0.5,
      metric_names_for_computing_utilization: ['named_metrics.q', 'cpu_utilization'],
      slow_start_config: { slow_start_window: '30s' },
    },
    {
      common_lb_config: { locality_weighted_lb_config: {} },
      lrs_report_endpoint_metrics: ['eps', 'request_cost.*'],
    },
  );
  expect(faults).toEqual([]);
  expect(config).toMatchObject({
    balance: {
      blackoutMs: 0,
      expirationMs: 60_000,
      updateMs: 100,
      errorPenalty: 0.5,
      metricNames: ['named_metrics.q', 'cpu_utilization'],
      slowStart: { windowMs: 30_000, aggression: 1, minPercent: 10 },
    },
    locality: { kind: 'weighted' },
    reportedMetrics: ['eps', 'request_cost.*'],
  });
});

const names =
  'cpu_utilization, mem_utilization, application_utilization, eps, rps_fractional, or of named_metrics, utilization and request_cost one behind a dot, all by *';

test.each([
  [{ enable_oob_load_report: true }, 'enable_oob_load_report: must be false: '],
  [{ oob_reporting_period: '1s' }, 'oob_reporting_period: is not supported by Weft: '],
  [{ oob_reporting_config: { port_value: 1 } }, 'oob_reporting_config: is not supported by Weft: '],
])('out-of-band reports are refused: %j', (fields, rule) => {
  expect(translate(fields).faults).toEqual([`${rule}endpoints’ reports are taken from their answers`]);
});

test.each([
  [{ error_utilization_penalty: -1 }, {}, 'error_utilization_penalty: must not be negative'],
  [
    { metric_names_for_computing_utilization: ['cpu'] },
    {},
    `metric_names_for_computing_utilization[0]: must be one of ${names}`,
  ],
  [
    {},
    { lrs_report_endpoint_metrics: ['eps', 'named_metrics.'] },
    `lrs_report_endpoint_metrics[1]: must be one of ${names}`,
  ],
  [
    { slow_start_config: { slow_start_window: '1s', aggression: { default_value: 0 } } },
    {},
    'slow_start_config.aggression.default_value: must be greater than 0',
  ],
])('%j %j is refused', (fields, said, fault) => {
  expect(translate(fields, said).faults).toEqual([fault]);
});
