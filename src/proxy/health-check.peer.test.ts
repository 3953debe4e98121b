// Active health checks of the same bootstrap in an Envoy and in our proxy, against the same endpoints: what each finds
// as they fail and recover, in the words of /clusters; what they send; and gRPC's own health service.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Envoy, socketAddress, startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort, type Program, startProgram } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { healthFlagsOf } from './admin/pages/endpoint-state.ts';
import { bootstrapSnapshot } from './testing/configs.ts';
import { RealWorld } from './testing/real.ts';

const timing = {
  timeout: '1s',
  interval: '0.1s',
  no_traffic_interval: '0.1s',
  unhealthy_threshold: 3,
  healthy_threshold: 2,
};
const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

function cluster(name: string, port: number, check: object, rest: object = {}): object {
  return {
    name,
    type: 'STATIC',
    health_checks: [{ ...timing, ...check }],
    ...rest,
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
    },
  };
}

/** Answers checks by gRPC's protocol: SERVING until a file says otherwise. */
const grpcText = `
import grpc, os, sys
from concurrent import futures
class Handler(grpc.GenericRpcHandler):
    def service(self, call):
        if call.method != '/grpc.health.v1.Health/Check': return None
        def check(request, context):
            if request != b'\\x0a\\x04bank': context.abort(grpc.StatusCode.NOT_FOUND, 'unknown')
            return b'\\x08\\x02' if os.path.exists(sys.argv[2]) else b'\\x08\\x01'
        return grpc.unary_unary_rpc_method_handler(check)
server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Handler()])
server.add_insecure_port('127.0.0.1:' + sys.argv[1])
server.start()
server.wait_for_termination()
`;

describeWith(['envoy', 'python3'], 'active health checks', () => {
  const world = new RealWorld();
  const status = { http: 200, body: 'all is well', degraded: false, hang: false, tcp: 'PONG' };
  const heads = new Set<string>();
  let envoy: Envoy;
  let grpc: Program;
  let brokenPath = '';

  beforeAll(async () => {
    const http = world.origin((connection, request) => {
      heads.add(request);
      if (status.hang) return;
      connection.reply(status.http, status.body, status.degraded ? ['x-envoy-degraded: 1'] : []);
    });
    const tcp = world.origin();
    tcp.onBytes = (connection, text) => {
      if (text.endsWith('PING')) connection.send(status.tcp);
    };
    const grpcPort = freePort();
    grpc = await startProgram({
      command(folder) {
        const path = join(folder, 'server.py');
        brokenPath = join(folder, 'broken');
        writeFileSync(path, grpcText);
        return ['python3', path, String(grpcPort), brokenPath];
      },
      ready: async () => {
        const socket = await Bun.connect({
          hostname: '127.0.0.1',
          port: grpcPort,
          socket: { data() {} },
        });
        socket.end();
        return true;
      },
    });
    const http2 = {
      typed_extension_protocol_options: {
        [options]: {
          '@type': `type.googleapis.com/${options}`,
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    };
    const check = {
      path: '/healthz',
      host: 'checked',
      expected_statuses: [{ start: 200, end: 300 }],
      retriable_statuses: [{ start: 500, end: 501 }],
      receive: [{ text: '616c6c' }, { text: '77656c6c' }],
      request_headers_to_add: [{ header: { key: 'x-check', value: 'yes' } }],
    };
    const document = {
      static_resources: {
        clusters: [
          cluster('http', http.port, { http_health_check: check }),
          cluster('tcp', tcp.port, {
            tcp_health_check: { send: { text: '50494e47' }, receive: [{ text: '504f4e47' }] },
          }),
          cluster('open', tcp.port, { tcp_health_check: {} }),
          cluster('grpc', grpcPort, { grpc_health_check: { service_name: 'bank' } }, http2),
          cluster('unknown', grpcPort, { grpc_health_check: { service_name: 'shop' } }, http2),
          cluster('nobody', freePort(), { http_health_check: { path: '/' } }),
        ],
      },
    };
    envoy = await startEnvoy(document);
    world.plane.apply({ ...bootstrapSnapshot(document) });
  }, 60_000);

  afterAll(async () => {
    await world.stop();
    await envoy?.stop();
    await grpc?.stop();
  });

  async function theirs(): Promise<string> {
    const text = await (await fetch(`http://127.0.0.1:${envoy.adminPort}/clusters`)).text();
    const found = [...text.matchAll(/^(\w+)::[\d.:]+::health_flags::(.*)$/gm)];
    return found
      .map(([, name, flags]) => `${name} ${flags}`)
      .sort()
      .join('\n');
  }

  function ours(): string {
    const found = [...world.plane.clusters.values()].map(
      ({ name, endpoints }) => `${name} ${healthFlagsOf(endpoints[0]!, performance.now())}`,
    );
    return found.sort().join('\n');
  }

  /** Waits until both say this of it. */
  async function bothSay(name: string, flags: string): Promise<void> {
    const line = new RegExp(`^${name} ${flags}$`, 'm');
    await until(`${name} ${flags}`, async () => line.test(ours()) && line.test(await theirs()), 15_000);
  }

  test('all at first', async () => {
    for (const name of ['http', 'tcp', 'open', 'grpc']) await bothSay(name, 'healthy');
    for (const name of ['unknown', 'nobody']) await bothSay(name, '/failed_active_hc');
  }, 20_000);

  test('a check asks as Envoy does', () => {
    // HTTP/1 names in Envoy's order and ours differ; nobody may depend on that.
    const sorted = [...heads].map((head) => head.trimEnd().split('\r\n').sort().join('\n'));
    expect(new Set(sorted).size).toBe(1);
  });

  test('a status that says no, a body that says no', async () => {
    status.http = 503;
    await bothSay('http', '/failed_active_hc');
    status.http = 200;
    await bothSay('http', 'healthy');
    status.body = 'well, not all';
    await bothSay('http', '/failed_active_hc');
    status.body = 'all is well';
    await bothSay('http', 'healthy');
  }, 20_000);

  test('degraded and back', async () => {
    status.degraded = true;
    await bothSay('http', '/degraded_active_hc');
    status.degraded = false;
    await bothSay('http', 'healthy');
  }, 20_000);

  test('no answer in time', async () => {
    status.hang = true;
    await bothSay('http', '/failed_active_hc/active_hc_timeout');
    status.hang = false;
    await bothSay('http', 'healthy');
  }, 20_000);

  test('retriable three times', async () => {
    status.http = 500;
    await bothSay('http', '/failed_active_hc');
    status.http = 200;
    await bothSay('http', 'healthy');
  }, 20_000);

  test('over TCP', async () => {
    status.tcp = 'LOADING';
    await bothSay('tcp', '/failed_active_hc/active_hc_timeout');
    status.tcp = 'PONG';
    await bothSay('tcp', 'healthy');
    await bothSay('open', 'healthy');
  }, 20_000);

  test('a gRPC service that does not serve', async () => {
    writeFileSync(brokenPath, '');
    await bothSay('grpc', '/failed_active_hc');
  }, 20_000);
});
