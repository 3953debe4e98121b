// Listener filters that are left out for some ports, and chains by who is at the other end of the socket: Envoy and
// Weft under the same bootstrap, asked the same.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { encodeProxyHeader } from '../wire/proxy-protocol/index.ts';
import { cluster, httpListener, startTlsProxy, tcpListener } from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

const type = (name: string) => ({ '@type': `type.googleapis.com/envoy.extensions.filters.${name}` });
const at = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

/** Answers its name. */
function chain(name: string, match: object): object {
  const routes = [
    { match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: name } } },
  ];
  const typed_config = {
    ...type('network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: name,
    route_config: { name, virtual_hosts: [{ name, domains: ['*'], routes }] },
    http_filters: [{ name: 'router', typed_config: type('http.router.v3.Router') }],
  };
  return { name, filter_chain_match: match, filters: [{ name: 'http', typed_config }] };
}

const range = (start: number, end = start + 1) => ({ destination_port_range: { start, end } });
const cidr = (address_prefix: string, prefix_len: number) => ({ address_prefix, prefix_len });

/** Whether the filter is left out on the second of two ports; never on the first. */
const predicates: Readonly<Record<string, (ports: readonly [number, number]) => object>> = {
  'a range': ([, b]) => range(b),
  'not the other': ([a]) => ({ not_match: range(a) }),
  'one or the other': ([, b]) => ({ or_match: { rules: [range(1), range(b)] } }),
  'both, which is nowhere': ([a, b]) => ({ and_match: { rules: [range(a), range(b)] } }),
  everywhere: () => ({ any_match: true }),
  'not everywhere': () => ({ not_match: { any_match: true } }),
};

async function ask(port: number, before: string): Promise<string> {
  const answer = Promise.withResolvers<string>();
  let received = '';
  Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: (socket) =>
        void socket.write(
          Buffer.from(`${before}GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 'latin1'),
        ),
      data: (_socket, bytes) => {
        received += bytes.toString('latin1');
      },
      end: (socket) => void socket.end(),
      close: () => answer.resolve(/\r\n\r\n(.*)/s.exec(received)?.[1] ?? 'closed'),
      error: () => answer.resolve('closed'),
    },
  }).catch(() => answer.resolve('refused'));
  return answer.promise;
}

const header = 'PROXY TCP4 10.20.0.1 10.0.0.2 1111 80\r\n';

describeWith(['envoy'], 'listener filters beside Envoy', () => {
  const cleanups: (() => unknown)[] = [];
  const proxies: Record<'envoy' | 'weft', Map<string, readonly [number, number]>> = {
    envoy: new Map(),
    weft: new Map(),
  };

  function listeners(side: 'envoy' | 'weft'): object[] {
    const proxyProtocol = (filter_disabled: object | null) => ({
      name: 'proxy',
      typed_config: type('listener.proxy_protocol.v3.ProxyProtocol'),
      ...(filter_disabled === null ? {} : { filter_disabled }),
    });
    const all = Object.entries(predicates).map(([name, predicate]) => {
      const ports = [freePort(), freePort()] as const;
      proxies[side].set(name, ports);
      return {
        name,
        address: at(ports[0]),
        additional_addresses: [{ address: at(ports[1]) }],
        listener_filters: [proxyProtocol(predicate(ports))],
        filter_chains: [chain('only', {})],
      };
    });
    const ports = [freePort(), freePort()] as const;
    proxies[side].set('direct', ports);
    return [
      ...all,
      {
        name: 'direct',
        address: at(ports[0]),
        listener_filters: [proxyProtocol(null)],
        filter_chains: [
          chain('elsewhere', { direct_source_prefix_ranges: [cidr('10.20.0.0', 16)] }),
          chain('source', { source_prefix_ranges: [cidr('10.20.0.0', 16)] }),
          chain('both', {
            direct_source_prefix_ranges: [cidr('127.0.0.0', 8)],
            source_prefix_ranges: [cidr('10.20.0.0', 16)],
          }),
          chain('direct', { direct_source_prefix_ranges: [cidr('127.0.0.0', 8)] }),
        ],
      },
    ];
  }

  beforeAll(async () => {
    const envoy = await startEnvoy({ static_resources: { listeners: listeners('envoy') } });
    const weft = startTlsProxy({ static_resources: { listeners: listeners('weft') } });
    cleanups.push(
      () => envoy.stop(),
      () => weft.proxy.stop(),
    );
  });
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  for (const name of Object.keys(predicates))
    test(`left out: ${name}`, async () => {
      const table = (ports: readonly [number, number] | undefined) =>
        Promise.all((ports ?? []).flatMap((port) => [ask(port, header), ask(port, '')]));
      const weft = await table(proxies.weft.get(name));
      expect(weft.map((text) => text === 'only')).toEqual(
        (await table(proxies.envoy.get(name))).map((text) => text === 'only'),
      );
      expect(weft.filter((text) => text === 'only')).toHaveLength(2);
    });

  test('chains by the peer of the socket, whoever the header names', async () => {
    const told = ['10.20.0.1', '10.21.0.1', '127.0.0.9'].map((from) => header.replace('10.20.0.1', from));
    const table = (port = 0) => Promise.all(told.map((before) => ask(port, before)));
    const weft = await table(proxies.weft.get('direct')?.[0]);
    expect(weft).toEqual(await table(proxies.envoy.get('direct')?.[0]));
    expect(weft).toEqual(['both', 'direct', 'direct']);
  });
});

describeWith(['envoy'], 'TLVs of a PROXY header as metadata beside Envoy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-tlvs-'));
  const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  test('in the log of a request and of a tunnel', async () => {
    const origin = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('ok') });
    cleanups.push(() => origin.stop(true));
    const own = 'envoy.filters.listener.proxy_protocol';
    const rules = [
      { tlv_type: 0xe0, on_tlv_present: { key: 'team' } },
      { tlv_type: 0xe1, on_tlv_present: { metadata_namespace: 'mine', key: 'zone' } },
      { tlv_type: 0xe1, on_tlv_present: { metadata_namespace: 'mine', key: 'again' } },
      { tlv_type: 0xe2, on_tlv_present: { key: 'missing' } },
    ];
    const words = [`${own}:team`, 'mine:zone', 'mine:again', `${own}:missing`, own];
    const inline_string = `${words.map((word) => `%DYNAMIC_METADATA(${word})%`).join(' ')}\n`;
    const make = (side: string, ports: readonly [number, number]) => {
      const logTo = (name: string) => [
        {
          name: 'file',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
            path: join(folder, `${side}-${name}`),
            log_format: { text_format_source: { inline_string } },
          },
        },
      ];
      const listener_filters = [
        { name: 'proxy', typed_config: { ...type('listener.proxy_protocol.v3.ProxyProtocol'), rules } },
      ];
      return {
        static_resources: {
          listeners: [
            { ...httpListener('http', ports[0], 'a', null, { access_log: logTo('http') }), listener_filters },
            { ...tcpListener('tcp', ports[1], 'a', { access_log: logTo('tcp') }), listener_filters },
          ],
          clusters: [cluster('a', origin.port!, null)],
        },
      };
    };
    const bytes = encodeProxyHeader(
      {
        source: { kind: 'ip', host: '10.20.0.1', port: 1111 },
        destination: { kind: 'ip', host: '10.0.0.2', port: 80 },
      },
      [
        { type: 0xe0, value: Buffer.from('payments') },
        { type: 0xe1, value: Buffer.from('a') },
        { type: 0xe1, value: Buffer.from('b') },
        { type: 0xe3, value: Buffer.from('nobody') },
      ],
    );
    const lines: Record<string, string> = {};
    for (const side of ['envoy', 'weft'] as const) {
      const ports = [freePort(), freePort()] as const;
      const started =
        side === 'envoy' ? await startEnvoy(make(side, ports)) : startTlsProxy(make(side, ports));
      cleanups.push(() => ('stop' in started ? started.stop() : started.proxy.stop()));
      for (const [at, name] of ['http', 'tcp'].entries()) {
        await ask(ports[at]!, Buffer.from(bytes ?? []).toString('latin1'));
        const read = () => readFileSync(join(folder, `${side}-${name}`), 'utf8');
        await until('it is logged', () => read() !== '');
        lines[`${side} ${name}`] = read();
      }
    }
    const expected = `payments - a - {"team":"payments"}\n`;
    expect(lines).toEqual({
      // A request does not inherit its connection's there.
      'envoy http': '- - - - -\n',
      'envoy tcp': expected,
      'weft http': expected,
      'weft tcp': expected,
    });
  });
});
