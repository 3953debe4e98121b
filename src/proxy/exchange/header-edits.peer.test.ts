// Header edits of routes beside Envoy's: what the backend saw and what the client got, for commands in values, the four
// levels in their order, the four actions, and answers of the proxy's own.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith } from '../../testing/programs.ts';
import { BesideEnvoy, type Case } from '../testing/beside-envoy.ts';

setDefaultTimeout(60_000);

const add = (key: string, value: string, more: object = {}) => ({ header: { key, value }, ...more });
const to = (more: object = {}) => ({
  weighted_clusters: { clusters: [{ name: 'backend', weight: 1, ...more }] },
});
const metadata = { filter_metadata: { my: { text: 'said', list: [1, 'a'] } } };

/** One that each level sets, appends to and removes. */
const level = (name: string) => ({
  request_headers_to_add: [
    add('x-set', name, { append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }),
    add('x-list', name),
    add('x-absent', name, { append_action: 'ADD_IF_ABSENT' }),
    add('x-present', name, { append_action: 'OVERWRITE_IF_EXISTS' }),
    add('x-nobody', name, { append_action: 'OVERWRITE_IF_EXISTS' }),
  ],
  request_headers_to_remove: [`x-remove-${name}`, 'x-list-removed'],
  response_headers_to_add: [
    add('x-set', name, { append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }),
    add('x-list', name),
    add('x-from', name, { append_action: 'ADD_IF_ABSENT' }),
  ],
  response_headers_to_remove: [`x-remove-${name}`],
});

const levels = (more: object): object => ({
  route_config: {
    name: 'routes',
    ...more,
    ...level('config'),
    virtual_hosts: [
      {
        name: 'host',
        domains: ['*'],
        ...level('host'),
        routes: [
          {
            match: { prefix: '/direct' },
            direct_response: { status: 200, body: { inline_string: 'direct' } },
            ...level('route'),
          },
          { match: { prefix: '/redirect' }, redirect: { path_redirect: '/there' }, ...level('route') },
          { match: { prefix: '/none' }, route: { cluster: 'empty' }, ...level('route') },
          { match: { prefix: '/' }, route: to(level('cluster')), ...level('route') },
        ],
      },
    ],
  },
});

const asks = ['/', '/direct', '/redirect', '/none'].map((path) => ({
  path,
  fields: [
    'x-present: client',
    'x-list: client',
    'x-remove-route: a',
    'x-remove-config: b',
    'x-list-removed: c',
  ],
}));

const values = [
  '%REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)%',
  '%REQ(x-from-client)%',
  '%REQ(x-from-client):3%',
  '%REQ(x-missing?x-from-client)%',
  'a%REQ(x-missing)%b',
  '%PROTOCOL% at 100%%',
  '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%ROUTE_NAME%',
  '%METADATA(ROUTE:my:text)%',
  '%METADATA(ROUTE:my:list)%',
  '%START_TIME(%Y)%',
  '%QUERY_PARAM(q)%',
  '%RESPONSE_CODE%',
  '%RESPONSE_FLAGS%',
  '%UPSTREAM_CLUSTER%',
  '%RESP(x-from)%',
  '%REQ(x-missing)%',
];

// A direct answer has no status yet where Envoy edits its head; here it has.
const ofDirect = values.filter((value) => value !== '%RESPONSE_CODE%');

const commands = {
  request_headers_to_add: [
    ...values.map((value, index) => add(`x-value-${index}`, value)),
    add('x-kept', '%REQ(x-missing)%', { keep_empty_value: true }),
    add('x-dropped', ''),
  ],
  response_headers_to_add: values.map((value, index) => add(`x-value-${index}`, value)),
};

const cases: readonly Case[] = [
  { name: 'four levels', asks, manager: levels({}) },
  {
    name: 'the most specific one last',
    asks,
    manager: levels({ most_specific_header_mutations_wins: true }),
  },
  {
    name: 'commands in values',
    asks: ['/a?q=1', '/direct'].map((path) => ({ path, fields: ['x-from-client: value'] })),
    routes: [
      {
        name: 'direct',
        match: { prefix: '/direct' },
        direct_response: { status: 418, body: { inline_string: 'tea' } },
        metadata,
        ...commands,
        response_headers_to_add: ofDirect.map((value, index) => add(`x-value-${index}`, value)),
      },
      {
        name: 'there',
        match: { prefix: '/' },
        route: { cluster: 'backend', prefix_rewrite: '/b' },
        metadata,
        ...commands,
      },
    ],
  },
];

describeWith(['envoy'], 'header edits beside Envoy', () => {
  const both = new BesideEnvoy({
    cases,
    clusters: () => [{ name: 'empty', type: 'STATIC', connect_timeout: '1s' }],
  });
  beforeAll(() => both.start());
  afterAll(() => both.stop());

  for (const [index, { name }] of cases.entries())
    test(name, async () => {
      const { envoy, weft } = await both.play(index);
      expect(weft).toEqual(envoy);
    });
});
