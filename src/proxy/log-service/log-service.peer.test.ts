// Access logs to a service beside Envoy's: the same requests, the same service, which is Go's of Envoy's published
// messages. Compared is what an entry says.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import { type Ask, BesideEnvoy, type Case, typed } from '../testing/beside-envoy.ts';
import { GoServices, goBuildMs, http2Cluster } from '../testing/go-services.ts';
import { ask, askTcp } from '../testing/raw-client.ts';

setDefaultTimeout(60_000);

const services = 'envoy.extensions.access_loggers.grpc.v3';
const common = (log_name: string, fields: object = {}) => ({
  log_name,
  transport_api_version: 'V3',
  grpc_service: { envoy_grpc: { cluster_name: 'collector' } },
  buffer_flush_interval: '0.05s',
  ...fields,
});
const logged = (name: string, fields: object = {}, more: object = {}) => ({
  manager: {
    access_log: [
      {
        name,
        typed_config: typed(`${services}.HttpGrpcAccessLogConfig`, {
          common_config: common(name, more),
          ...fields,
        }),
      },
    ],
  },
});
const network = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

const cases: readonly Case[] = [
  {
    name: 'requests',
    ...logged('requests'),
    routes: [
      { match: { path: '/direct' }, direct_response: { status: 404, body: { inline_string: 'none' } } },
      { match: { path: '/refused' }, route: { cluster: 'refused' } },
      { name: 'all', match: { prefix: '/' }, route: { cluster: 'backend', prefix_rewrite: '/there' } },
    ],
    asks: [
      {
        path: '/a?b=c',
        fields: ['user-agent: me', 'referer: http://r.example/', 'x-forwarded-for: 10.1.1.1'],
      },
      { path: '/post', method: 'POST', body: '12345' },
      { path: '/direct', method: 'DELETE' },
      { path: '/refused', method: 'PATCH' },
    ],
  },
  {
    name: 'fields and tags',
    ...logged(
      'fields',
      {
        additional_request_headers_to_log: ['X-One', 'x-none'],
        additional_response_headers_to_log: ['X-From'],
      },
      {
        custom_tags: [
          { tag: 'literal', literal: { value: 'v' } },
          { tag: 'header', request_header: { name: 'x-one', default_value: 'nobody' } },
          { tag: 'absent', request_header: { name: 'x-absent' } },
          { tag: 'no variable', environment: { name: 'WEFT_ABSENT', default_value: 'none' } },
        ],
      },
    ),
    asks: [{ fields: ['x-one: 1', 'x-one: 2'] }],
  },
  { name: 'no batches', ...logged('alone', {}, { buffer_size_bytes: 0 }), asks: [{}, {}] },
  { name: 'a service that answers nothing', ...logged('silent'), asks: [{}, {}] },
  {
    name: 'connections',
    network: [
      {
        name: 'tcp',
        typed_config: typed(network, {
          stat_prefix: 'tcp',
          cluster: 'backend',
          access_log: [
            {
              name: 'tcp',
              typed_config: typed(`${services}.TcpGrpcAccessLogConfig`, { common_config: common('tcp') }),
            },
          ],
        }),
      },
    ],
    asks: [{ bytes: 'GET / HTTP/1.0\r\nhost: a\r\nconnection: close\r\n\r\n' }],
  },
];

type Json = Readonly<Record<string, unknown>>;

interface Message {
  readonly identifier?: { readonly node: Json; readonly logName: string };
  readonly httpLogs?: { readonly logEntry: readonly Entry[] };
  readonly tcpLogs?: { readonly logEntry: readonly Entry[] };
}

interface Entry {
  readonly commonProperties: Json;
  readonly connectionProperties?: Json;
  readonly request?: Json;
  readonly response?: Json;
  readonly protocolVersion?: string;
}

describeWith(['envoy', 'go'], 'access logs to a service beside Envoy', () => {
  const peer = new GoServices();
  const beside = new BesideEnvoy({
    cases,
    clusters: () => [
      http2Cluster('collector', peer.port),
      { name: 'refused', type: 'STATIC', connect_timeout: '1s' },
    ],
  });
  beforeAll(async () => {
    await peer.start();
    await beside.start();
  }, goBuildMs);
  afterAll(async () => {
    await beside.stop();
    await peer.stop();
  });

  for (const [index, { asks, name }] of cases.entries())
    test(name, async () => {
      const envoy = await entriesOf(beside.envoyPort(index), asks);
      expect(await entriesOf(beside.weftPort(index), asks)).toEqual(envoy);
    });

  async function entriesOf(port: number, asks: readonly Ask[]): Promise<unknown> {
    const before = peer.said('ALS').length;
    for (const each of asks) await (each.bytes === undefined ? ask(port, each) : askTcp(port, each.bytes));
    const messages = () =>
      peer
        .said('ALS')
        .slice(before)
        .map((line) => JSON.parse(line) as Message);
    const entries = () =>
      messages().flatMap(({ httpLogs, tcpLogs }) => httpLogs?.logEntry ?? tcpLogs?.logEntry ?? []);
    await until('the entries', () => entries().length >= asks.length);
    return { node: messages()[0]?.identifier?.node['id'], entries: entries().map(comparable) };
  }
});

/** Chance and time differ, and bytes of heads by what each side adds to them. */
function comparable({ commonProperties, request, response, ...rest }: Entry): unknown {
  const { metadata: _, streamId, upstreamTransportFailureReason: __, ...told } = commonProperties;
  const times = /^(startTime|duration|timeTo.*)$/;
  const wire = /WireBytes/;
  const kept = Object.entries(told).filter(([key]) => !wire.test(key) && !times.test(key));
  const without = (fields: Json = {}, ...names: readonly string[]) =>
    Object.fromEntries(Object.entries(fields).filter(([key]) => !names.includes(key)));
  return {
    ...rest,
    ...JSON.parse(JSON.stringify(Object.fromEntries(kept)).replace(/"portValue":\d+/g, '"portValue":1')),
    times: Object.keys(told)
      .filter((key) => times.test(key))
      .sort(),
    // Tunnels have none here.
    streamId: request === undefined ? 'none' : typeof streamId,
    request: without(
      { ...request, requestId: typeof request?.['requestId'] },
      'requestHeadersBytes',
      'upstreamHeaderBytesSent',
      'downstreamHeaderBytesReceived',
    ),
    response: without(
      response,
      'responseHeadersBytes',
      'upstreamHeaderBytesReceived',
      'downstreamHeaderBytesSent',
    ),
  };
}
