// A whole proxy under pressure: each action begins at its threshold, mildest first, and is undone when it falls.

import { describe, expect, test } from 'bun:test';
import { silentLog, VirtualClock } from '../../base/index.ts';
import { createMemoryStore } from '../../net/index.ts';
import { defaultOverload } from '../config/overload-types.ts';
import { ip } from '../testing/configs.ts';
import { TestClient } from '../testing/peers.ts';
import { cluster, httpListener } from '../testing/tls-proxy.ts';
import { bootstrapOf, WholeProxy } from '../testing/whole-proxy.ts';
import { OverloadManager } from './manager.ts';
import { resetLargest } from './reset-largest.ts';
import { OverloadSwitches } from './switches.ts';

const pressureFile = '/pressure';
const monitor = {
  name: 'pressure',
  typed_config: {
    '@type':
      'type.googleapis.com/envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig',
    filename: pressureFile,
  },
};

function action(name: string, value: number, more: object = {}): object {
  const triggers = [{ name: 'pressure', threshold: { value } }];
  return { name: `envoy.overload_actions.${name}`, triggers, ...more };
}

function setup(actions: readonly object[], more: object = {}, hcm: object = {}) {
  const store = createMemoryStore({ [pressureFile]: '0' });
  const bootstrap = {
    static_resources: {
      listeners: [httpListener('in', 8080, 'origin', null, hcm)],
      clusters: [cluster('origin', 9000, null)],
    },
    overload_manager: { refresh_interval: '0.25s', resource_monitors: [monitor], actions, ...more },
  };
  const whole = new WholeProxy({ bootstrap: bootstrapOf(JSON.stringify(bootstrap)), store });
  whole.clock.advanceBy(1_000);
  return {
    whole,
    client: () => new TestClient(whole.network, ip(8080)),
    stat: (name: string) =>
      Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(whole.body('/stats'))?.[1] ?? -1),
    async press(pressure: number | string): Promise<void> {
      await store.write(pressureFile, new TextEncoder().encode(`${pressure}\n`));
      for (let look = 0; look < 4; look++) {
        whole.clock.advanceBy(250);
        for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      }
    },
  };
}

describe('the overload manager', () => {
  test('keep-alive ends first, then connections are refused, then requests; all is undone', async () => {
    const { whole, client, press, stat } = setup([
      action('disable_http_keepalive', 0.8),
      action('reject_incoming_connections', 0.9),
      action('stop_accepting_requests', 0.95),
    ]);
    const kept = [client(), client(), client()] as const;
    for (const one of kept) one.get('/');
    whole.clock.advanceBy(50);
    await press(0.8);
    kept[0].get('/');
    whole.clock.advanceBy(50);
    expect(kept[0].statuses).toEqual([200, 200]);
    expect(kept[0].received).toContain('connection: close');
    await press(0.9);
    const late = client().get('/');
    whole.clock.advanceBy(50);
    expect([late.closed, late.statuses]).toEqual(['broken', []]);
    kept[1].get('/');
    whole.clock.advanceBy(50);
    expect(kept[1].statuses).toEqual([200, 200]);
    await press(0.95);
    kept[2].get('/');
    whole.clock.advanceBy(50);
    expect(kept[2].statuses).toEqual([200, 503]);
    await press(0.1);
    const after = client().get('/').get('/');
    whole.clock.advanceBy(50);
    expect([after.statuses, after.closed]).toEqual([[200, 200], null]);
    expect(stat('http.in.downstream_rq_overload_close')).toBe(1);
    expect(stat('http.in.downstream_cx_overload_disable_keepalive')).toBe(3);
    expect(stat('overload.pressure.pressure')).toBe(10);
    expect(whole.logLines.filter((line) => line.includes('"overloaded"'))).toHaveLength(3);
    expect(whole.logLines.filter((line) => line.includes('"overload is over"'))).toHaveLength(3);
  });

  test('who comes while none is accepted waits, and is served when it is over', async () => {
    const { whole, client, press } = setup([action('stop_accepting_connections', 0.9)]);
    await press(1);
    const waiting = client().get('/');
    whole.clock.advanceBy(500);
    expect([waiting.opened, waiting.statuses]).toEqual([true, []]);
    await press(0);
    whole.clock.advanceBy(50);
    expect(waiting.statuses).toEqual([200]);
  });

  test('idle connections end earlier the more it is pressed', async () => {
    const timers = {
      typed_config: {
        '@type': 'type.googleapis.com/envoy.config.overload.v3.ScaleTimersOverloadActionConfig',
        timer_scale_factors: [{ timer: 'HTTP_DOWNSTREAM_CONNECTION_IDLE', min_timeout: '2s' }],
      },
    };
    const { whole, client, press } = setup(
      [
        {
          name: 'envoy.overload_actions.reduce_timeouts',
          triggers: [{ name: 'pressure', scaled: { scaling_threshold: 0.5, saturation_threshold: 1 } }],
          ...timers,
        },
      ],
      {},
      { common_http_protocol_options: { idle_timeout: '10s' } },
    );
    const idle = client().get('/');
    whole.clock.advanceBy(100);
    await press(0.75);
    whole.clock.advanceBy(4_000);
    expect(idle.closed).toBeNull();
    whole.clock.advanceBy(1_500);
    expect(idle.ended).toBe(true);
    const next = client().get('/');
    whole.clock.advanceBy(100);
    await press(1);
    whole.clock.advanceBy(1_500);
    expect(next.ended).toBe(true);
  });

  test('a monitor of connections bounds them all together', async () => {
    const bound = {
      name: 'connections',
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
        max_active_downstream_connections: 2,
      },
    };
    const { whole, client } = setup([], { resource_monitors: [monitor, bound] });
    const clients = [client().get('/'), client().get('/'), client().get('/')];
    whole.clock.advanceBy(50);
    expect(clients.map(({ statuses }) => statuses.length)).toEqual([1, 1, 0]);
  });

  test('what is no pressure leaves the last one in force, and is counted', async () => {
    const { press, stat, whole } = setup([action('stop_accepting_requests', 0.9)]);
    await press(0.95);
    for (const text of ['', 'full', '1.5', '-1']) await press(text);
    expect(stat('overload.pressure.pressure')).toBe(95);
    expect(stat('overload.pressure.failed_updates')).toBeGreaterThan(3);
    expect(whole.body('/stats/prometheus')).toContain(
      'envoy_overload_envoy_overload_actions_stop_accepting_requests_active 1',
    );
    expect(stat('overload.envoy.overload_actions.stop_accepting_requests.scale_percent')).toBe(100);
  });
});

test('those that hold most are reset first, down to the class that the pressure asks for', () => {
  const reset: number[] = [];
  const holders = [512, 1_024, 4_096, 200_000, 1_000_000].map((heldBytes) => ({
    heldBytes,
    reset: () => void reset.push(heldBytes),
  }));
  expect(resetLargest(holders, 0.1, 10)).toBe(2);
  expect(reset).toEqual([1_000_000, 200_000]);
  expect(resetLargest(holders, 1, 10)).toBe(4);
  expect(reset).not.toContain(512);
  const many = Array.from({ length: 200 }, () => holders[4]!);
  expect(resetLargest(many, 1, 10)).toBe(50);
});

test('the default looks less often while nobody is connected', () => {
  const clock = new VirtualClock();
  let looks = 0;
  const plane = {
    overload: new OverloadSwitches(),
    connections: 0,
    suspendListeners() {},
    endIdle() {},
    resetLargest() {},
  };
  const readings = {
    residentBytes: () => 0,
    cgroupMemory: () => null,
    openFiles() {
      looks += 1;
      return { open: 1, max: 100 };
    },
    releaseMemory() {},
  };
  const options = { clock, log: silentLog, store: createMemoryStore(), config: defaultOverload };
  const manager = new OverloadManager({ ...options, plane, readings, lagMs: () => 0 });
  const looksDuring = (ms: number): number => {
    const before = looks;
    clock.advanceBy(ms);
    return looks - before;
  };
  manager.start();
  expect(looksDuring(40_000)).toBe(10);
  plane.connections = 1;
  expect(looksDuring(4_000)).toBe(1);
  expect(looksDuring(10_000)).toBe(10);
  manager.stop();
});
