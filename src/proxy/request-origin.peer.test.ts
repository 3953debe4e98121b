// What reaches the application of what a client says about itself: the same bytes to Envoy and to Weft under the same
// bootstrap, for every field that Envoy documents as internal, and every way to tell inside from outside.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Envoy, socketAddress, startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { strippedNames } from './exchange/request-origin.ts';

setDefaultTimeout(60_000);

const hcm = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const router = 'envoy.extensions.filters.http.router.v3.Router';

const ranges = {
  cidr_ranges: ['127.0.0.0', '10.0.0.0'].map((prefix) => ({ address_prefix: prefix, prefix_len: 8 })),
};

const xff = (fields: object) => ({
  original_ip_detection_extensions: [
    {
      name: 'xff',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig',
        ...fields,
      },
    },
  ],
  // Whom it found.
  internal_address_config: ranges,
});

const detection = (header_name: string) => ({
  original_ip_detection_extensions: [
    {
      name: 'field',
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig',
        header_name,
      },
    },
  ],
});
const byField = detection('x-nobody');
const named = detection('x-forwarded-for');

const variants: Readonly<Record<string, object>> = {
  plain: {},
  edge: { use_remote_address: true },
  'edge behind a hop': { use_remote_address: true, xff_num_trusted_hops: 1 },
  'behind a hop': { xff_num_trusted_hops: 1 },
  'edge that appends nothing': { use_remote_address: true, skip_xff_append: true },
  'edge with internal addresses': { use_remote_address: true, internal_address_config: ranges },
  'internal addresses': { internal_address_config: ranges },
  'an xff extension': xff({ xff_num_trusted_hops: 1 }),
  'behind proxies': xff({ xff_trusted_cidrs: { cidrs: ranges.cidr_ranges } }),
  'behind proxies that are told of': xff({
    xff_trusted_cidrs: { cidrs: ranges.cidr_ranges },
    skip_xff_append: false,
  }),
  'an xff extension that tells of the last': xff({ skip_xff_append: false }),
  'a field that says nothing': { ...byField },
  'a field, then an xff extension': {
    original_ip_detection_extensions: [
      ...byField.original_ip_detection_extensions,
      ...xff({}).original_ip_detection_extensions,
    ],
  },
  'two xff extensions': {
    original_ip_detection_extensions: [
      ...xff({ skip_xff_append: false, xff_num_trusted_hops: 3 }).original_ip_detection_extensions,
      ...xff({}).original_ip_detection_extensions,
    ],
  },
  'an xff extension, then a field': {
    original_ip_detection_extensions: [
      ...xff({}).original_ip_detection_extensions,
      ...byField.original_ip_detection_extensions,
    ],
  },
  'a field that says it': named,
  'behind other proxies': xff({ xff_trusted_cidrs: { cidrs: ranges.cidr_ranges.slice(1) } }),
};

const chains: Readonly<Record<string, string | null>> = {
  'no chain': null,
  'an internal address': '10.0.0.1',
  'an external address': '8.8.8.8',
  'a chain of two': '8.8.8.8, 10.0.0.1',
  'no address': 'zzz',
  'proxies only': '10.0.0.2,10.0.0.1',
  'no address before proxies': '8.8.8.8, zzz, 10.0.0.1',
};

/** What is forged, and what is only passed on. */
const forged = [
  ...new Set([...Object.values(strippedNames).flat(), 'x-envoy-external-address', 'x-other']),
].filter(
  // Weft's own markers mean nothing to Envoy.
  (name) => !name.startsWith('x-weft-'),
);
/** Values that the other side can parse, so that it does not refuse the request instead. */
const values: Readonly<Record<string, string>> = {
  'x-envoy-max-retries': '2',
  'x-envoy-retry-on': '5xx',
  'x-envoy-upstream-rq-timeout-ms': '9000',
  'x-envoy-upstream-rq-per-try-timeout-ms': '9000',
  'x-envoy-retriable-status-codes': '599',
};

/** Known differences: see docs/envoy-compat.md. */
function comparable(fields: Headers, local: string): Readonly<Record<string, string>> {
  const kept = [...fields].filter(
    ([name]) => forged.includes(name as (typeof forged)[number]) || name.startsWith('x-forwarded'),
  );
  // Envoy tells the next proxy its timeout; Weft does not.
  const told = kept.filter(([name]) => name !== 'x-envoy-expected-rq-timeout-ms');
  // For a peer on loopback Envoy appends the machine's own address; Weft appends what it saw.
  return Object.fromEntries(told.map(([name, value]) => [name, value.replaceAll(local, '127.0.0.1')]));
}

describeWith(['envoy'], 'what a client may say, beside Envoy', () => {
  let seen = new Headers();
  const names = Object.keys(variants);
  const ports = { envoy: names.map(() => freePort()), weft: names.map(() => freePort()) };
  const folder = mkdtempSync(join(tmpdir(), 'weft-origin-'));
  let backend: Bun.Server<undefined>;
  let envoy: Envoy;
  let weft: Bun.Subprocess;
  /** The address that Envoy takes for its own. */
  let local = '';

  beforeAll(async () => {
    backend = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch(request) {
        seen = request.headers;
        return new Response('ok');
      },
    });
    envoy = await startEnvoy(bootstrap(ports.envoy));
    const admin = freePort();
    const path = join(folder, 'weft.json');
    writeFileSync(
      path,
      JSON.stringify({ ...bootstrap(ports.weft), admin: { address: socketAddress(admin) } }),
    );
    weft = Bun.spawn([join(import.meta.dir, '../../bin/weft'), 'proxy', '-c', path, '--log-level', 'error'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await until('ready', async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok);
    await ask(ports.envoy[names.indexOf('edge')] ?? 0, null, []);
    local = seen.get('x-forwarded-for') ?? '';
  });

  afterAll(async () => {
    weft.kill('SIGKILL');
    await envoy.stop();
    await backend.stop(true);
    rmSync(folder, { recursive: true, force: true });
  });

  function bootstrap(at: readonly number[]): object {
    return {
      static_resources: {
        listeners: names.map((name, index) => createListener(name, at[index] ?? 0)),
        clusters: [
          {
            name: 'backend',
            type: 'STATIC',
            connect_timeout: '1s',
            load_assignment: {
              cluster_name: 'backend',
              endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(backend.port ?? 0) } }] }],
            },
          },
        ],
      },
    };
  }

  function createListener(name: string, port: number): object {
    const config = {
      '@type': `type.googleapis.com/${hcm}`,
      stat_prefix: 'test',
      http_filters: [{ name: 'router', typed_config: { '@type': `type.googleapis.com/${router}` } }],
      route_config: {
        name: 'test',
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [{ match: { prefix: '/' }, route: { cluster: 'backend' } }],
            request_headers_to_add: [
              {
                header: { key: 'x-forwarded-found', value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%' },
                append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
              },
            ],
          },
        ],
      },
      ...variants[name],
    };
    return {
      name,
      address: socketAddress(port),
      filter_chains: [{ filters: [{ name: 'http', typed_config: config }] }],
    };
  }

  async function ask(port: number, chain: string | null, fields: readonly string[]): Promise<Headers> {
    const headers = new Headers(fields.map((name) => [name, values[name] ?? 'forged']));
    if (chain !== null) headers.set('x-forwarded-for', chain);
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers });
    expect(response.status).toBe(200);
    await response.text();
    return seen;
  }

  for (const [index, name] of names.entries()) {
    for (const [what, chain] of Object.entries(chains)) {
      test(`${name}, ${what}`, async () => {
        const fields = [...forged, 'x-forwarded-proto'];
        const expected = comparable(await ask(ports.envoy[index] ?? 0, chain, fields), local);
        expect(comparable(await ask(ports.weft[index] ?? 0, chain, fields), local)).toEqual(expected);
      });
    }
  }
});
