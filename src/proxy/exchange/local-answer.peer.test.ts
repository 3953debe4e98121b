// Answers of the proxy's own beside Envoy's, under local_reply_config; and what each makes of the address of a client.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { networkInterfaces } from 'node:os';
import { describeWith } from '../../testing/programs.ts';
import { BesideEnvoy, type Case, type Told, typed } from '../testing/beside-envoy.ts';

setDefaultTimeout(60_000);

const status = (op: string, number: number) => ({
  status_code_filter: { comparison: { op, value: { default_value: number, runtime_key: 'none' } } },
});
const add = (key: string, value: string, more: object = {}) => ({ header: { key, value }, ...more });

const routes = [
  {
    name: 'said',
    match: { prefix: '/said' },
    direct_response: { status: 403, body: { inline_string: 'not "you"' } },
    response_headers_to_add: [add('x-order', 'route')],
  },
  { match: { prefix: '/redirect' }, redirect: { path_redirect: '/there' } },
  { match: { prefix: '/empty' }, route: { cluster: 'empty' } },
  { match: { prefix: '/ok' }, direct_response: { status: 200 } },
  { match: { prefix: '/' }, route: { cluster: 'backend' } },
];

const asks = [
  { path: '/said' },
  { path: '/said', fields: ['x-who: me'] },
  { path: '/said', method: 'HEAD' },
  { path: '/redirect' },
  { path: '/empty' },
  { path: '/ok' },
  { path: '/through' },
  { path: '/said', method: 'POST', fields: ['content-type: application/grpc'] },
];

const replies = (config: object) => ({ local_reply_config: config });

const mapping: readonly Case[] = [
  {
    name: 'the first mapper that takes an answer',
    routes,
    asks,
    manager: replies({
      mappers: [
        {
          filter: { header_filter: { header: { name: 'x-who', present_match: true } } },
          status_code: 401,
          body: { inline_string: 'who: %REQ(x-who)%' },
          headers_to_add: [add('x-order', 'mapper'), add('x-code', '%RESPONSE_CODE% %ROUTE_NAME%')],
        },
        {
          filter: status('GE', 500),
          status_code: 504,
          body_format_override: {
            json_format: { code: '%RESPONSE_CODE%', text: '%LOCAL_REPLY_BODY%', flags: '%RESPONSE_FLAGS%' },
          },
        },
        { filter: status('EQ', 301), status_code: 308, body: { inline_string: 'go there' } },
      ],
      body_format: {
        text_format_source: { inline_string: '<p>%LOCAL_REPLY_BODY% %RESPONSE_CODE% %RESP(:status)%</p>\n' },
        content_type: 'text/html; charset=UTF-8',
      },
    }),
  },
  {
    name: 'JSON for all',
    routes,
    asks,
    manager: replies({
      body_format: {
        json_format: {
          error: { status: '%RESPONSE_CODE%', message: '%LOCAL_REPLY_BODY%', path: '%REQ(:path)%' },
        },
      },
    }),
  },
  {
    name: 'a body alone',
    routes,
    asks,
    manager: replies({
      mappers: [{ filter: status('GE', 400), body: { inline_string: '' } }],
      body_format: { text_format: '%LOCAL_REPLY_BODY%' },
    }),
  },
];

const forwarded = [
  [],
  ['x-forwarded-for: 10.0.0.1'],
  ['x-forwarded-for: 203.0.113.7, 10.0.0.1'],
  ['x-forwarded-for: 203.0.113.7,10.1.1.1, 198.51.100.2'],
  ['x-forwarded-for: unknown'],
  ['x-client: 203.0.113.9', 'x-forwarded-for: 10.0.0.1'],
  ['x-client: 10.2.3.4'],
  ['x-client: nobody'],
  [
    'x-forwarded-port: 99',
    'x-forwarded-proto: https',
    'x-envoy-force-trace: 1',
    'x-envoy-external-address: 1.2.3.4',
  ],
].map((fields) => ({ path: '/', fields }));

const ranges = { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] };
const detection = (type: string, config: object) => ({
  name: type,
  typed_config: typed(`envoy.extensions.http.original_ip_detection.${type}`, config),
});
const xff = (hops: number) => detection('xff.v3.XffConfig', { xff_num_trusted_hops: hops });
const header = (more: object = {}) =>
  detection('custom_header.v3.CustomHeaderConfig', { header_name: 'X-Client', ...more });
const routed = [
  {
    match: { prefix: '/' },
    route: { cluster: 'backend' },
    request_headers_to_add: [add('x-seen-as', '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%')],
  },
];
const origin = (name: string, manager: object): Case => ({ name, routes: routed, asks: forwarded, manager });

const origins: readonly Case[] = [
  origin('nothing said', {}),
  origin('an edge', { use_remote_address: true, internal_address_config: ranges }),
  origin('an edge behind one', {
    use_remote_address: true,
    xff_num_trusted_hops: 1,
    internal_address_config: ranges,
  }),
  origin('an edge that appends nothing', { use_remote_address: true, skip_xff_append: true }),
  origin('two trusted hops', { xff_num_trusted_hops: 2, internal_address_config: ranges }),
  origin('forwarded-for as an extension', {
    original_ip_detection_extensions: [xff(1)],
    internal_address_config: ranges,
  }),
  origin('a field of its own', {
    original_ip_detection_extensions: [header()],
    internal_address_config: ranges,
  }),
  origin('a field that is trusted', {
    original_ip_detection_extensions: [header({ allow_extension_to_set_address_as_trusted: true })],
    internal_address_config: ranges,
  }),
  origin('a field that must be there', {
    original_ip_detection_extensions: [header({ reject_with_status: { code: 401 } })],
  }),
  origin('a field that must be there, of another kind', {
    original_ip_detection_extensions: [header({ reject_with_status: { code: 200 } })],
  }),
  origin('a field, else forwarded-for', {
    original_ip_detection_extensions: [header(), xff(0)],
    internal_address_config: ranges,
  }),
];

const cases = [...mapping, ...origins];

describeWith(['envoy'], 'local replies and origins beside Envoy', () => {
  const both = new BesideEnvoy({
    cases,
    clusters: () => [{ name: 'empty', type: 'STATIC', connect_timeout: '1s' }],
  });
  beforeAll(() => both.start());
  afterAll(() => both.stop());

  for (const [index, { name }] of cases.entries())
    test(name, async () => {
      const { envoy, weft } = await both.play(index);
      expect(weft).toEqual(withLoopback(envoy));
    });
});

/** For a peer on loopback Envoy appends the machine's own address to x-forwarded-for; Weft appends what it saw. */
function withLoopback(told: readonly Told[]): readonly Told[] {
  const own = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map(({ address }) => address),
  );
  return told.map((each) => {
    const named = each.seen?.fields['x-forwarded-for']?.split(',');
    if (each.seen === null || named === undefined || !own.includes(named.at(-1) ?? '')) return each;
    const fields = { ...each.seen.fields, 'x-forwarded-for': [...named.slice(0, -1), '127.0.0.1'].join(',') };
    return { ...each, seen: { ...each.seen, fields } };
  });
}
