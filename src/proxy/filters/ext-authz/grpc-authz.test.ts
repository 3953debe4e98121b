// Calls of gRPC that a check makes, in virtual time: what their end says, in time, out of it, broken or left. Whatever
// happens, the books of both clusters balance.

import { describe, expect, test } from 'bun:test';
import type { ExtAuthzConfig } from '../../config/filter-types.ts';
import {
  clusterConfig,
  endpointConfig,
  httpOptions,
  listenerConfig,
  routeConfig,
} from '../../testing/configs.ts';
import type { Respond } from '../../testing/peers.ts';
import { World } from '../../testing/world.ts';

const config: ExtAuthzConfig = {
  kind: 'ext-authz',
  service: {
    kind: 'grpc',
    target: {
      cluster: 'authz',
      authority: 'authz.example',
      timeoutMs: 200,
      metadata: [['x-initial', 'here']],
    },
    peerCertificate: false,
    tlsSession: false,
    rawHeaders: false,
    rawBody: false,
    metadataNamespaces: [],
    routeNamespaces: [],
  },
  allowedHeaders: null,
  disallowedHeaders: [],
  body: null,
  failureAllowed: false,
  failureHeader: false,
  errorStatus: 503,
  clearsRouteCache: false,
  enabledShare: 1,
  enabledBy: null,
  deniesUnchecked: false,
  validates: false,
  mutationRules: null,
  takesNotes: true,
  statPrefix: '',
  chargesCluster: true,
};

function setup(respond: Respond) {
  const world = new World();
  const origin = world.origin();
  const authz = world.origin(respond);
  const filters = [{ name: 'authz', disabled: false, config }];
  world.apply({
    listeners: [listenerConfig({ http: httpOptions({ filters }) })],
    routes: [routeConfig()],
    clusters: [clusterConfig(), clusterConfig({ name: 'authz', statName: 'authz', service: 'authz' })],
    endpoints: { ledger: [endpointConfig(origin.port)], authz: [endpointConfig(authz.port)] },
  });
  return { world, origin, authz };
}

/** Over HTTP/1.1 with trailers, which a call cannot tell from HTTP/2. */
function answer(body: string, trailers: string, status = 200): Respond {
  const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
  const head = `HTTP/1.1 ${status} said\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n`;
  return (connection) => connection.send(`${head}${chunk}0\r\n${trailers}\r\n`);
}

const frame = (text: string, flag = 0) => `${String.fromCharCode(flag, 0, 0, 0, text.length)}${text}`;
const good = 'grpc-status: 0\r\n';
const refusal = '\x0a\x02\x08\x07';

describe('a check over gRPC', () => {
  const cases: readonly (readonly [name: string, respond: Respond, status: number])[] = [
    ['allows by saying nothing', answer(frame(''), good), 200],
    ['refuses', answer(frame(refusal), good), 403],
    ['fails', answer('', 'grpc-status: 7\r\ngrpc-message: no\r\n'), 503],
    ['fails after its message', answer(frame(''), 'grpc-status: 13\r\n'), 503],
    ['has no status', answer(frame(''), ''), 503],
    ['is answered by something else', answer(frame(''), good, 502), 503],
    ['has no message', answer('', good), 503],
    ['has two messages', answer(frame('') + frame(''), good), 503],
    ['has a message of another length', answer(frame('').slice(0, 4), good), 503],
    ['is compressed', answer(frame('', 1), good), 503],
    ['is no protobuf', answer(frame('\x0a\xff'), good), 503],
    ['is not answered in time', () => {}, 503],
    ['breaks off', (connection) => connection.socket.reset(), 503],
  ];
  for (const [name, respond, status] of cases)
    test(name, () => {
      const { world, origin } = setup(respond);
      const client = world.client();
      client.get('/');
      world.run(1_000);
      expect(client.statuses).toEqual([status]);
      expect(origin.requests).toHaveLength(status === 200 ? 1 : 0);
      world.expectSettled();
    });

  test('tells its deadline, its host and its metadata', () => {
    const { world, authz } = setup(answer(frame(''), good));
    world.client().get('/');
    world.run(1_000);
    const [request = ''] = authz.requests;
    expect(request).toStartWith('POST /envoy.service.auth.v3.Authorization/Check HTTP/1.1\r\n');
    for (const line of ['host: authz.example', 'grpc-timeout: 200m', 'x-initial: here'])
      expect(request.toLowerCase()).toContain(`\r\n${line}\r\n`);
  });
});
