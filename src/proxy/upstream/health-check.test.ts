// Active checks in virtual time: when they run, what they find, and what that does to requests.

import { describe, expect, test } from 'bun:test';
import type { ActiveHealthConfig, HttpProbeConfig, TcpProbeConfig } from '../config/health-types.ts';
import type { ClusterConfig, EndpointConfig } from '../config/types.ts';
import { clusterConfig, endpointConfig } from '../testing/configs.ts';
import type { Origin, Respond } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const http: HttpProbeConfig = {
  kind: 'http',
  http2: false,
  method: 'GET',
  path: '/healthz',
  host: '',
  fields: [],
  removed: [],
  expected: [[200, 201]],
  retriable: [],
  receive: [],
  bodyBytesMax: 1024,
  serviceName: null,
};
const tcp: TcpProbeConfig = { kind: 'tcp', proxyHeader: null, send: new Uint8Array(0), receive: [] };

interface CheckOptions extends Partial<Omit<ActiveHealthConfig, 'timing'>> {
  readonly timing?: Partial<ActiveHealthConfig['timing']>;
}

function checks(options: CheckOptions = {}): ActiveHealthConfig {
  return {
    probe: http,
    reuseConnection: true,
    tls: null,
    transportLabels: null,
    eventLog: '',
    logFailures: false,
    logSuccesses: false,
    excludeNew: false,
    keepRemoved: true,
    ...options,
    timing: {
      timeoutMs: 500,
      intervalMs: 1_000,
      initialJitterMs: 0,
      jitterMs: 0,
      jitterPercent: 0,
      noTrafficMs: 1_000,
      noTrafficHealthyMs: 1_000,
      unhealthyMs: 1_000,
      unhealthyEdgeMs: 1_000,
      healthyEdgeMs: 1_000,
      unhealthyThreshold: 2,
      healthyThreshold: 2,
      ...options.timing,
    },
  };
}

/** Answers checks with what `status` says, and requests with 200. */
function checked(status: { value: number }, fields: readonly string[] = []): Respond {
  return (connection, request) => {
    if (request.startsWith('GET /healthz ')) connection.reply(status.value, 'health', fields);
    else connection.reply(200, 'served');
  };
}

class Checked {
  readonly world = new World();
  readonly status = { value: 200 };
  readonly origin: Origin;

  constructor(
    health: ActiveHealthConfig,
    options: { respond?: Respond; cluster?: Partial<ClusterConfig>; endpoint?: Partial<EndpointConfig> } = {},
  ) {
    this.origin = this.world.origin(options.respond ?? checked(this.status));
    const cluster = clusterConfig({ health, ...options.cluster });
    const endpoint = endpointConfig(this.origin.port, options.endpoint);
    this.world.apply({ clusters: [cluster], endpoints: { ledger: [endpoint] } });
  }

  get state(): string {
    const [endpoint] = this.world.cluster().endpoints;
    return endpoint === undefined
      ? 'gone'
      : endpoint.healthy
        ? endpoint.degraded
          ? 'degraded'
          : 'healthy'
        : 'unhealthy';
  }

  get checks(): number {
    return this.origin.requests.filter((request) => request.includes('/healthz')).length;
  }

  ask(): number {
    const client = this.world.client().get('/');
    this.world.run(20);
    return client.statuses[0] ?? 0;
  }
}

test('an endpoint is unknown until its first check, which decides alone', () => {
  const it = new Checked(checks());
  expect(it.state).toBe('unhealthy');
  expect(it.world.plane.obstacles).toEqual([
    { object: 'ledger', field: 'health_checks', rule: 'have not all run', value: '' },
  ]);
  it.world.run(10);
  expect(it.state).toBe('healthy');
  expect(it.world.plane.obstacles).toEqual([]);
  expect(it.ask()).toBe(200);
  expect(it.origin.requests[0]).toBe('GET /healthz HTTP/1.1\r\nhost: ledger\r\nuser-agent: Envoy/HC\r\n\r\n');
});

test('an answer that says no takes it out at once, and two that say yes bring it back', () => {
  const it = new Checked(checks());
  it.world.run(10);
  it.status.value = 503;
  it.world.run(1_000);
  expect(it.state).toBe('unhealthy');
  expect(it.ask()).toBe(503);
  it.status.value = 200;
  it.world.run(1_000);
  expect(it.state).toBe('unhealthy');
  it.world.run(1_000);
  expect(it.state).toBe('healthy');
  expect(it.ask()).toBe(200);
  const { health } = it.world.cluster().stats;
  expect({ ...health }).toEqual({
    attempts: 4,
    successes: 3,
    failures: 1,
    passiveFailures: 0,
    networkFailures: 0,
  });
});

test('no answer in time counts to the threshold, and its connection is not used again', () => {
  const answering = { value: true };
  const it = new Checked(checks(), {
    respond: (connection) => {
      if (answering.value) connection.reply(200);
    },
  });
  it.world.run(10);
  answering.value = false;
  it.world.run(1_600);
  expect(it.state).toBe('healthy');
  it.world.run(1_600);
  expect(it.state).toBe('unhealthy');
  expect(it.world.cluster().stats.health.networkFailures).toBe(2);
  expect(it.world.cluster().endpoints[0]!.health!.timedOut).toBe(true);
  // Two connections of checks that were given up, beside the first.
  expect(it.origin.accepted).toBe(2);
  answering.value = true;
  it.world.run(3_000);
  expect(it.state).toBe('healthy');
});

test('nobody listens', () => {
  const it = new Checked(checks());
  it.world.run(10);
  it.origin.close();
  it.world.run(2_100);
  expect(it.state).toBe('unhealthy');
  expect(it.world.cluster().stats.health.networkFailures).toBe(2);
});

describe('what an answer means', () => {
  const cases: readonly (readonly [
    name: string,
    probe: Partial<HttpProbeConfig>,
    status: number,
    fields: readonly string[],
    state: string,
  ])[] = [
    ['another status that is expected', { expected: [[200, 300]] }, 204, [], 'healthy'],
    ['the end of a range is not in it', { expected: [[200, 204]] }, 204, [], 'unhealthy'],
    ['a body that holds what is expected', { receive: ['he', 'lth'] }, 200, [], 'healthy'],
    ['a body that does not', { receive: ['sick'] }, 200, [], 'unhealthy'],
    [
      'what lies beyond the bytes that are looked at',
      { receive: ['lth'], bodyBytesMax: 3 },
      200,
      [],
      'unhealthy',
    ],
    ['it asks for little', {}, 200, ['x-envoy-degraded: 1'], 'degraded'],
    [
      'another service answers',
      { serviceName: { kind: 'prefix', value: 'bank', ignoreCase: false } },
      200,
      ['x-envoy-upstream-healthchecked-cluster: shop'],
      'unhealthy',
    ],
    [
      'the service that was meant',
      { serviceName: { kind: 'prefix', value: 'bank', ignoreCase: false } },
      200,
      ['x-envoy-upstream-healthchecked-cluster: bank-1'],
      'healthy',
    ],
  ];
  for (const [name, probe, status, fields, state] of cases) {
    test(name, () => {
      const it = new Checked(checks({ probe: { ...http, ...probe } }), {
        respond: checked({ value: status }, fields),
      });
      it.world.run(10);
      expect(it.state).toBe(state);
    });
  }

  test('a retriable status counts to the threshold', () => {
    const it = new Checked(checks({ probe: { ...http, retriable: [[500, 504]] } }));
    it.world.run(10);
    it.status.value = 503;
    it.world.run(1_000);
    expect(it.state).toBe('healthy');
    it.world.run(1_000);
    expect(it.state).toBe('unhealthy');
  });

  test('one that is to be left out does not count among those that must be healthy', () => {
    const it = new Checked(checks(), {
      respond: checked({ value: 503 }, ['x-envoy-immediate-health-check-fail: 1']),
    });
    it.world.run(10);
    expect(it.world.cluster().endpoints[0]!.excluded).toBe(true);
  });
});

test('the request of a check: method, host, fields', () => {
  const probe: HttpProbeConfig = {
    ...http,
    method: 'POST',
    host: 'checks',
    fields: [
      { kind: 'add', name: 'x-a', value: '1' },
      { kind: 'add', name: 'x-b', value: '2' },
    ],
    removed: ['x-b', 'user-agent'],
  };
  const it = new Checked(checks({ probe }), { respond: (connection) => connection.reply(200) });
  it.world.run(10);
  expect(it.origin.requests[0]).toBe(
    'POST /healthz HTTP/1.1\r\nhost: checks\r\ncontent-length: 0\r\nx-a: 1\r\nx-b: 2\r\n\r\n',
  );
});

test('a check of its own address and host; one that is switched off', () => {
  const world = new World();
  const [served, side, off] = [world.origin(), world.origin(), world.origin()];
  const beside = {
    address: { kind: 'ip', host: '127.0.0.1', port: side.port },
    host: 'side',
    disabled: false,
  } as const;
  world.apply({
    clusters: [clusterConfig({ health: checks() })],
    endpoints: {
      ledger: [
        endpointConfig(served.port, { check: beside }),
        endpointConfig(off.port, { check: { ...beside, disabled: true } }),
      ],
    },
  });
  world.run(10);
  expect(served.requests).toEqual([]);
  expect(off.requests).toEqual([]);
  expect(side.requests[0]).toContain('host: side\r\n');
  expect(world.cluster().endpoints.map(({ healthy }) => healthy)).toEqual([true, true]);
});

describe('connections', () => {
  test('one serves all checks', () => {
    const it = new Checked(checks());
    it.world.run(5_200);
    expect(it.checks).toBe(6);
    expect(it.origin.accepted).toBe(1);
  });

  test('each check has its own where that is asked for', () => {
    const it = new Checked(checks({ reuseConnection: false }));
    it.world.run(5_200);
    expect(it.checks).toBe(6);
    expect(it.origin.accepted).toBe(6);
  });

  test('a server that closes after each answer fails no check', () => {
    const it = new Checked(checks(), {
      respond: (connection) => connection.reply(200, '', ['connection: close']),
    });
    it.world.run(5_200);
    expect(it.world.cluster().stats.health).toMatchObject({ attempts: 6, failures: 0 });
  });

  test('they count under no limit of the cluster', () => {
    const limits = { connections: 0, pending: 0, requests: 0 };
    const it = new Checked(checks(), { cluster: { limits } });
    it.world.run(10);
    expect(it.state).toBe('healthy');
    expect(it.world.cluster().stats.connectionsTotal).toBe(0);
  });
});

describe('intervals', () => {
  test('a cluster without a connection is checked rarely', () => {
    const it = new Checked(checks({ timing: { noTrafficMs: 60_000, noTrafficHealthyMs: 60_000 } }));
    it.world.run(59_000);
    expect(it.checks).toBe(1);
    it.ask();
    it.world.run(61_000);
    expect(it.checks).toBeGreaterThan(50);
  });

  test('the first checks of many endpoints are spread', () => {
    const world = new World();
    const origins = Array.from({ length: 50 }, () => world.origin());
    world.serve(origins, {
      clusters: [clusterConfig({ health: checks({ timing: { initialJitterMs: 1_000 } }) })],
    });
    world.run(500);
    const done = origins.filter(({ requests }) => requests.length > 0).length;
    expect(done).toBeGreaterThan(10);
    expect(done).toBeLessThan(40);
    world.run(600);
    expect(origins.every(({ requests }) => requests.length > 0)).toBe(true);
  });
});

describe('over TCP', () => {
  test('a connection is enough', () => {
    const it = new Checked(checks({ probe: tcp }));
    it.world.run(2_010);
    expect(it.state).toBe('healthy');
    expect(it.origin.accepted).toBe(3);
    it.origin.close();
    it.world.run(2_010);
    expect(it.state).toBe('unhealthy');
  });

  test('what is sent must bring what is expected, in pieces too', () => {
    const probe = { ...tcp, send: Uint8Array.from(Buffer.from('PING\n')), receive: ['+PO', 'NG'] };
    const it = new Checked(checks({ probe }));
    const answers = { value: ['+P', 'ONG\r\n'] };
    it.origin.onBytes = (connection, text) => {
      if (text.endsWith('PING\n')) for (const part of answers.value) connection.send(part);
    };
    it.world.run(3_010);
    expect(it.state).toBe('healthy');
    expect(it.origin.accepted).toBe(1);
    expect(it.world.cluster().stats.health.attempts).toBe(4);
    answers.value = ['-LOADING\r\n'];
    it.world.run(3_010);
    expect(it.state).toBe('unhealthy');
  });

  test('a PROXY header comes first, and says that the connection is nobody’s', () => {
    for (const [proxyHeader, text] of [
      [1, 'PROXY UNKNOWN\r\n'],
      [2, '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0'],
    ] as const) {
      const it = new Checked(
        checks({ probe: { ...tcp, proxyHeader, send: Buffer.from('PING'), receive: ['+'] } }),
      );
      const heard: string[] = [];
      it.origin.onBytes = (connection, bytes) => {
        heard.push(bytes);
        if (bytes.endsWith('PING')) connection.send('+');
      };
      it.world.run(600);
      expect(heard.join('')).toBe(`${text}PING`);
      expect(it.state).toBe('healthy');
    }
  });

  test('a peer without end is not listened to for ever', () => {
    const probe = { ...tcp, send: Uint8Array.from(Buffer.from('x')), receive: ['never'] };
    const it = new Checked(checks({ probe }));
    it.origin.onBytes = (connection) => {
      for (let part = 0; part < 100; part++) connection.send('y'.repeat(4_000));
    };
    it.world.run(600);
    expect(it.state).toBe('unhealthy');
    expect(it.world.cluster().endpoints[0]!.health!.timedOut).toBe(true);
  });
});

describe('with everything else', () => {
  test('an answer to a request takes its endpoint out until checks pass', () => {
    const it = new Checked(checks(), {
      respond: (connection, request) => {
        if (request.includes('/healthz')) connection.reply(200);
        else connection.reply(503, '', ['x-envoy-immediate-health-check-fail: true']);
      },
    });
    it.world.run(10);
    expect(it.ask()).toBe(503);
    expect(it.state).toBe('unhealthy');
    expect(it.world.cluster().endpoints[0]!.excluded).toBe(true);
    expect(it.world.cluster().stats.health).toMatchObject({ passiveFailures: 1, failures: 1 });
    it.world.run(2_000);
    expect(it.state).toBe('healthy');
  });

  test('one that fails requests and passes checks: ejected, and back with the next check', () => {
    const world = new World();
    const bad = world.origin((connection, request) => {
      connection.reply(request.includes('/healthz') ? 200 : 500);
    });
    const good = world.origin();
    const outlier = {
      consecutiveFailures: 2,
      successRate: null,
      intervalMs: 10_000,
      baseEjectionMs: 30_000,
      maxEjectionMs: 30_000,
      maxEjectedPercent: 50,
    };
    const apply = (version: string, returnOnCheck: boolean) => {
      const cluster = clusterConfig({ health: checks(), outlier: { ...outlier, returnOnCheck } });
      world.serve([bad, good], { version, clusters: [cluster] });
    };
    apply('1', false);
    world.run(10);
    const ask = () => {
      for (let turn = 0; turn < 8; turn++) world.client().get('/');
      world.run(20);
    };
    ask();
    const [ejected] = world.cluster().endpoints;
    expect(ejected!.ejectedUntilMs).toBeGreaterThan(0);
    expect(ejected!.health!.healthy).toBe(true);
    world.run(3_000);
    expect(ejected!.ejectedUntilMs).toBeGreaterThan(0);
    apply('2', true);
    world.run(1_100);
    expect(ejected!.ejectedUntilMs).toBe(-1);
  });

  test('one that left the configuration stays while its checks pass', () => {
    const it = new Checked(checks(), { cluster: { discovery: 'eds' } });
    it.world.run(10);
    const cluster = clusterConfig({ discovery: 'eds', health: it.world.cluster().config.health });
    it.world.apply({ version: '2', clusters: [cluster], endpoints: { ledger: [] } });
    expect(it.world.cluster().endpoints.map(({ leaving }) => leaving)).toEqual([true]);
    expect(it.ask()).toBe(200);
    it.status.value = 503;
    it.world.run(1_000);
    expect(it.state).toBe('gone');
    it.world.run(3_000);
    const done = it.checks;
    it.world.run(3_000);
    expect(it.checks).toBe(done);
  });

  test('and comes back to itself', () => {
    const it = new Checked(checks(), { cluster: { discovery: 'eds' } });
    it.world.run(10);
    const health = it.world.cluster().config.health;
    const clusters = [clusterConfig({ discovery: 'eds', health })];
    it.world.apply({ version: '2', clusters, endpoints: { ledger: [] } });
    it.world.apply({ version: '3', clusters, endpoints: { ledger: [endpointConfig(it.origin.port)] } });
    expect(it.world.cluster().endpoints.map(({ leaving }) => leaving)).toEqual([false]);
    expect(it.state).toBe('healthy');
  });

  test('it goes at once where the configuration is believed more', () => {
    const it = new Checked(checks({ keepRemoved: false }), { cluster: { discovery: 'eds' } });
    it.world.run(10);
    const cluster = clusterConfig({ discovery: 'eds', health: it.world.cluster().config.health });
    it.world.apply({ version: '2', clusters: [cluster], endpoints: { ledger: [] } });
    expect(it.state).toBe('gone');
  });

  test('other settings of checks take over what the old ones found', () => {
    const it = new Checked(checks());
    it.world.run(10);
    const other = clusterConfig({ health: checks({ timing: { intervalMs: 2_000 } }) });
    it.world.apply({
      version: '2',
      clusters: [other],
      endpoints: { ledger: [endpointConfig(it.origin.port)] },
    });
    expect(it.state).toBe('healthy');
    const none = clusterConfig();
    it.status.value = 503;
    it.world.run(2_100);
    expect(it.state).toBe('unhealthy');
    it.world.apply({
      version: '3',
      clusters: [none],
      endpoints: { ledger: [endpointConfig(it.origin.port)] },
    });
    expect(it.state).toBe('healthy');
    const done = it.checks;
    it.world.run(10_000);
    expect(it.checks).toBe(done);
  });

  test('new ones do not count where they are to be ignored until they are known', () => {
    const world = new World();
    const [known, silent] = [world.origin(), world.origin(() => {})];
    const cluster = clusterConfig({ health: checks({ excludeNew: true }), panicPercent: 60 });
    world.apply({ clusters: [cluster], endpoints: { ledger: [endpointConfig(known.port)] } });
    world.run(10);
    world.apply({
      version: '2',
      clusters: [cluster],
      endpoints: { ledger: [endpointConfig(known.port), endpointConfig(silent.port)] },
    });
    expect(world.cluster().panicking).toBe(false);
    // It has failed: now it counts, and too few are well.
    world.run(600);
    expect(world.cluster().panicking).toBe(true);
  });

  test('what an endpoint says of the configuration still holds', () => {
    const it = new Checked(checks(), { endpoint: { healthy: false } });
    it.world.run(10);
    expect(it.state).toBe('unhealthy');
    expect(it.world.cluster().endpoints[0]!.health!.healthy).toBe(true);
  });

  test('when all is over nothing runs on', async () => {
    const it = new Checked(checks());
    it.world.run(10);
    await it.world.plane.stop();
    const done = it.checks;
    it.world.run(10_000);
    expect(it.checks).toBe(done);
    expect(it.origin.connections.size).toBe(0);
  });
});

test('changes are written to the event log, as Envoy writes them', () => {
  const lines: string[] = [];
  const world = new World({
    createLogSink: () => ({
      write(bytes, handler) {
        lines.push(...new TextDecoder().decode(bytes).trimEnd().split('\n'));
        handler.onWritten(null);
      },
      reopen() {},
      close() {},
    }),
  });
  const status = { value: 200 };
  const origin = world.origin(checked(status));
  const health = checks({ eventLog: '/events', logFailures: true });
  world.serve([origin], { clusters: [clusterConfig({ health })] });
  world.run(10);
  status.value = 500;
  world.run(1_000);
  const events = lines.map((line) => {
    const { timestamp, host, ...event } = JSON.parse(line) as Record<string, unknown>;
    expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(host).toEqual({
      socket_address: { protocol: 'TCP', address: '127.0.0.1', port_value: origin.port },
    });
    return event;
  });
  const common = {
    health_checker_type: 'HTTP',
    cluster_name: 'ledger',
    locality: { region: '', zone: '', sub_zone: '' },
  };
  const failure = { failure_type: 'ACTIVE', http_status_code: 500 };
  expect(events).toEqual([
    { ...common, add_healthy_event: { first_check: true } },
    { ...common, eject_unhealthy_event: failure },
    { ...common, health_check_failure_event: { ...failure, first_check: false } },
  ]);
});
