import { describe, expect, test } from 'bun:test';
import { parseBootstrap } from '../bootstrap.ts';
import { defaultOverload } from '../overload-types.ts';

const typed = (type: string, fields: object = {}) => ({
  '@type': `type.googleapis.com/envoy.${type}`,
  ...fields,
});
const heap = typed('extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig', {
  max_heap_size_bytes: 1000,
});
const monitors = [{ name: 'heap', typed_config: heap }];
const triggers = [{ name: 'heap', threshold: { value: 0.9 } }];
const stop = { name: 'envoy.overload_actions.stop_accepting_requests', triggers };
const reduce = 'envoy.overload_actions.reduce_timeouts';
const scaling = (fields: object) =>
  typed('config.overload.v3.ScaleTimersOverloadActionConfig', { timer_scale_factors: [fields] });

function parse(overload_manager: object) {
  const text = JSON.stringify({ static_resources: {}, overload_manager });
  return parseBootstrap(text, { fileName: 'f', version: '0' });
}

describe('an overload manager is refused for', () => {
  const cases: readonly (readonly [name: string, manager: object, path: string, rule: string])[] = [
    [
      'a monitor without a kind',
      { resource_monitors: [{ name: 'heap' }] },
      'resource_monitors[0].typed_config',
      'must be set',
    ],
    [
      'a heap without a size',
      {
        resource_monitors: [
          {
            name: 'heap',
            typed_config: typed('extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig'),
          },
        ],
      },
      'resource_monitors[0].typed_config.max_heap_size_bytes',
      'must be set',
    ],
    [
      'a monitor twice',
      { resource_monitors: [...monitors, ...monitors] },
      'resource_monitors[1].name',
      'must be unique',
    ],
    [
      'a point that nobody knows',
      { resource_monitors: monitors, loadshed_points: [{ name: 'envoy.load_shed_points.here', triggers }] },
      'loadshed_points[0].name',
      'must be envoy.load_shed_points. and one of tcp_listener_accept, http2_server_go_away_and_close_on_dispatch',
    ],
    [
      'a point without a trigger',
      {
        resource_monitors: monitors,
        loadshed_points: [{ name: 'envoy.load_shed_points.tcp_listener_accept' }],
      },
      'loadshed_points[0].triggers',
      'must be at least one',
    ],
    [
      'an action twice',
      { resource_monitors: monitors, actions: [stop, stop] },
      'actions[1].name',
      'must be unique',
    ],
    [
      'an action that nobody knows',
      { resource_monitors: monitors, actions: [{ name: 'envoy.overload_actions.panic', triggers }] },
      'actions[0].name',
      'must be envoy.overload_actions. and one of',
    ],
    [
      'an action without a trigger',
      { resource_monitors: monitors, actions: [{ name: stop.name }] },
      'actions[0].triggers',
      'must be at least one',
    ],
    [
      'a trigger without its monitor',
      { actions: [stop] },
      'actions[0].triggers[0].name',
      'must be the name of a resource monitor',
    ],
    [
      'a trigger that says nothing',
      { resource_monitors: monitors, actions: [{ name: stop.name, triggers: [{ name: 'heap' }] }] },
      'actions[0].triggers[0]',
      'one of threshold, scaled must be set',
    ],
    [
      'a scale that falls',
      {
        resource_monitors: monitors,
        actions: [
          {
            name: stop.name,
            triggers: [{ name: 'heap', scaled: { scaling_threshold: 0.9, saturation_threshold: 0.8 } }],
          },
        ],
      },
      'actions[0].triggers[0].scaled.scaling_threshold',
      'must be less than saturation_threshold',
    ],
    [
      'a share above 1',
      {
        resource_monitors: monitors,
        actions: [{ name: stop.name, triggers: [{ name: 'heap', threshold: { value: 90 } }] }],
      },
      'actions[0].triggers[0].threshold.value',
      'must be 0 to 1',
    ],
    [
      'timeouts to reduce, and none named',
      { resource_monitors: monitors, actions: [{ name: reduce, triggers }] },
      'actions[0].typed_config',
      'is for envoy.overload_actions.reduce_timeouts, which must have it',
    ],
    [
      'a timer without a name',
      {
        resource_monitors: monitors,
        actions: [{ name: reduce, triggers, typed_config: scaling({ min_timeout: '1s' }) }],
      },
      'actions[0].typed_config.timer_scale_factors[0].timer',
      'must be set',
    ],
    [
      'a timer without a least value',
      {
        resource_monitors: monitors,
        actions: [
          { name: reduce, triggers, typed_config: scaling({ timer: 'HTTP_DOWNSTREAM_CONNECTION_IDLE' }) },
        ],
      },
      'actions[0].typed_config.timer_scale_factors[0]',
      'one of min_timeout, min_scale must be set',
    ],
    [
      'a size to track that is none',
      { buffer_factory_config: { minimum_account_to_track_power_of_two: 9 } },
      'buffer_factory_config.minimum_account_to_track_power_of_two',
      'must be 10 to 56',
    ],
  ];
  for (const [name, manager, path, rule] of cases)
    test(name, () => {
      const parsed = parse(manager);
      const faults = parsed.ok ? [] : parsed.error.map((issue) => `${issue.field}: ${issue.rule}`);
      expect(faults.find((fault) => fault.startsWith(`overload_manager.${path}: ${rule}`))).toBeDefined();
    });
});

test('without one the default is in force, with one it alone, and Weft’s monitors need no declaration', () => {
  const silent = parseBootstrap('{"static_resources": {}}', { fileName: 'f', version: '0' });
  expect(silent.ok && silent.value.overload).toEqual(defaultOverload);
  const own = parse({
    actions: [
      {
        name: reduce,
        triggers: [{ name: 'weft.resource_monitors.loop_lag', threshold: { value: 1 } }],
        typed_config: scaling({ timer: 'TRANSPORT_SOCKET_CONNECT', min_scale: { value: 20 } }),
      },
    ],
  });
  expect(own.ok && own.value.overload).toEqual({
    refreshMs: 1_000,
    restMs: 1_000,
    monitors: [{ kind: 'loop-lag', name: 'weft.resource_monitors.loop_lag', lagMs: 2_000 }],
    actions: [
      {
        action: 'reduce_timeouts',
        triggers: [{ monitor: 'weft.resource_monitors.loop_lag', from: 1, to: 1 }],
        timers: [{ timer: 'transport-socket-connect', min: { share: 0.2 } }],
      },
    ],
    shedPoints: [],
    connectionsMax: null,
    trackedPowerOfTwo: null,
  });
});
