// Sessions that stick to an endpoint, and endpoints named by a header, by the same configuration in an Envoy and in our
// proxy: who answers, what the client is told to keep, what is counted.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { socketAddress } from '../testing/envoy.ts';
import { describeWith } from '../testing/programs.ts';
import { typed } from './testing/beside-envoy.ts';
import { routesOf, type Side, type Sides, sides, startSides } from './testing/side-by-side.ts';

const states = 'envoy.extensions.http.stateful_session';
const filters = 'envoy.extensions.filters.http';
const policies = 'envoy.extensions.load_balancing_policies';

type Fields = Readonly<Record<string, unknown>>;

const session = (name: string, state: object, fields: Fields = {}): object => ({
  name: 'session',
  typed_config: typed(`${filters}.stateful_session.v3.StatefulSession`, {
    session_state: { name, typed_config: state },
    ...fields,
  }),
});
const cookie = (fields: Fields, more: Fields = {}) =>
  session(
    'envoy.http.stateful_session.cookie',
    typed(`${states}.cookie.v3.CookieBasedSessionState`, { cookie: { name: 's', ...fields } }),
    more,
  );
const header = (more: Fields = {}) =>
  session(
    'envoy.http.stateful_session.header',
    typed(`${states}.header.v3.HeaderBasedSessionState`, { name: 'X-Session' }),
    more,
  );

/** Requests of one client: its path, and what it says to be bound to. */
interface Ask {
  readonly path?: string;
  /** Of an endpoint, or an address that is nobody's; absent: what it was told before. */
  readonly bound?: string;
  readonly raw?: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** Balancing chooses: it does not matter whom. */
  readonly free?: boolean;
}

interface Case {
  readonly name: string;
  readonly filter?: object;
  readonly kept: 'cookie' | 'header' | 'none';
  /** Of the route. */
  readonly route?: object;
  readonly perRoute?: object;
  readonly cluster?: string;
  readonly asks: readonly Ask[];
}

const bindings: readonly Ask[] = [
  ...['two', 'one', 'sick', 'draining', 'degraded', 'nobody'].map((bound) => ({ bound })),
  { raw: 'junk!' },
  { raw: '' },
];
const previous = {
  name: 'envoy.retry_host_predicates.previous_hosts',
  typed_config: typed('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate'),
};
const retried = {
  retry_policy: {
    retry_on: '5xx',
    num_retries: 1,
    retry_host_predicate: [previous],
    host_selection_retry_max_attempts: 5,
  },
};

const cases: readonly Case[] = [
  { name: 'cookie', filter: cookie({}, { stat_prefix: 'c' }), kept: 'cookie', asks: bindings },
  {
    name: 'cookie-path',
    filter: cookie({ path: '/a', ttl: '100s' }, { stat_prefix: 'p' }),
    kept: 'cookie',
    asks: ['/a', '/a/b', '/ab', '/a?c', '/'].map((path) => ({
      path,
      bound: 'two',
      free: path === '/ab' || path === '/',
    })),
  },
  {
    name: 'cookie-folder',
    filter: cookie({ path: '/a/' }, { strict: true }),
    kept: 'cookie',
    asks: ['/a', '/a/b'].map((path) => ({ path, bound: 'nobody', free: path === '/a' })),
  },
  { name: 'header', filter: header({ stat_prefix: 'h' }), kept: 'header', asks: bindings },
  {
    name: 'strict',
    filter: header({ strict: true, stat_prefix: 't' }),
    kept: 'header',
    asks: bindings,
  },
  {
    name: 'strict-status',
    filter: header({ strict: true, status_on_strict_destination_not_found: 421 }),
    kept: 'header',
    asks: bindings,
  },
  {
    name: 'off-by-route',
    filter: header({ stat_prefix: 'o' }),
    kept: 'header',
    perRoute: typed(`${filters}.stateful_session.v3.StatefulSessionPerRoute`, { disabled: true }),
    asks: [{ bound: 'two', free: true }],
  },
  {
    name: 'statuses',
    filter: header({ strict: true }),
    kept: 'header',
    cluster: 'open',
    asks: bindings,
  },
  {
    name: 'retry',
    filter: header({ strict: true }),
    kept: 'header',
    route: retried,
    cluster: 'failing',
    asks: [{ bound: 'bad' }, { bound: 'two' }],
  },
  {
    name: 'named',
    kept: 'none',
    cluster: 'named',
    route: retried,
    asks: [
      { fields: { 'x-host': '@two' } },
      { fields: { 'x-host': '10.0.0.1:1, @one' } },
      { fields: { 'x-host': '@bad,@two' } },
      { fields: { 'x-host': '@sick' } },
      { fields: { 'x-other': '@two', 'x-host': '@one' } },
    ],
  },
];

const roundRobin = { name: 'r', typed_config: typed(`${policies}.round_robin.v3.RoundRobin`) };
const named = {
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: 'o',
          typed_config: typed(`${policies}.override_host.v3.OverrideHost`, {
            override_host_sources: [{ header: 'X-Host' }, { header: 'x-other' }],
            fallback_policy: { policies: [{ typed_extension_config: roundRobin }] },
          }),
        },
      },
    ],
  },
};

const health: Readonly<Record<string, string>> = {
  sick: 'UNHEALTHY',
  draining: 'DRAINING',
  degraded: 'DEGRADED',
};

describeWith(['envoy'], 'sessions', () => {
  const origins = new Map<string, Bun.Server<undefined>>();
  const names = ['one', 'two', 'sick', 'draining', 'degraded', 'bad'];
  let running: Sides;

  const addressOf = (name: string) => `127.0.0.1:${origins.get(name)?.port ?? 1}`;

  beforeAll(async () => {
    for (const name of names) {
      const status = name === 'bad' ? 503 : 200;
      const fetch = () => new Response(name, { status });
      origins.set(name, Bun.serve({ hostname: '127.0.0.1', port: 0, fetch }));
    }
    const cluster = (name: string, members: readonly string[], fields: Fields = {}) => ({
      name,
      type: 'STATIC',
      connect_timeout: '1s',
      ...fields,
      load_assignment: {
        cluster_name: name,
        endpoints: [
          {
            lb_endpoints: members.map((member) => ({
              endpoint: { address: socketAddress(origins.get(member)?.port ?? 0) },
              health_status: health[member] ?? 'HEALTHY',
            })),
          },
        ],
      },
    });
    const usual = names.filter((name) => name !== 'bad');
    const statuses = { statuses: ['HEALTHY', 'UNHEALTHY', 'DRAINING'] };
    const managers = Object.fromEntries(
      cases.map(({ name, filter, route = {}, perRoute, cluster: to = 'usual' }) => [
        name,
        {
          http_filters: [
            ...(filter === undefined ? [] : [filter]),
            { name: 'router', typed_config: typed(`${filters}.router.v3.Router`) },
          ],
          route_config: routesOf({
            match: { prefix: '/' },
            route: { cluster: to, ...route },
            ...(perRoute === undefined ? {} : { typed_per_filter_config: { session: perRoute } }),
          }),
        },
      ]),
    );
    running = await startSides(managers, [
      cluster('usual', usual),
      cluster('open', usual, { common_lb_config: { override_host_status: statuses } }),
      cluster('failing', ['bad', 'two']),
      cluster('named', ['one', 'two', 'sick', 'bad'], named),
    ]);
  }, 60_000);

  afterAll(async () => {
    await running?.stop();
    for (const origin of origins.values()) await origin.stop(true);
  });

  /** What one request comes to; `any` where balancing chose among several. */
  async function ask(side: Side, { name, kept }: Case, said: Ask): Promise<readonly unknown[]> {
    const { path = '/', bound, raw } = said;
    const value = raw ?? (bound === undefined ? '' : Buffer.from(addressOf(bound)).toString('base64'));
    const fields = Object.entries(said.fields ?? {}).map(([field, text]) => [
      field,
      text.replaceAll(/@(\w+)/g, (_, member: string) => addressOf(member)),
    ]);
    const answer = await fetch(`http://127.0.0.1:${running.port(side, name)}${path}`, {
      headers: {
        ...Object.fromEntries(fields),
        ...(kept === 'cookie' ? { cookie: `x=y; s="${value}"` } : {}),
        ...(kept === 'header' ? { 'x-session': value } : {}),
      },
    });
    const text = await answer.text();
    const told = answer.headers.get('set-cookie') ?? answer.headers.get('x-session');
    const free = told !== null || said.free === true;
    return [answer.status, free ? '(any)' : text, told === null ? null : shapeOf(told)];
  }

  /** Without the address, which is that of whoever was chosen, and the moment at which it ends. */
  function shapeOf(told: string): string {
    const value = /s="([^"]*)"/.exec(told)?.[1] ?? told;
    const bytes = Buffer.from(value, 'base64')
      .toString('latin1')
      .replace(/127\.0\.0\.1:\d+/, 'ADDRESS');
    const ends = Buffer.from(bytes.split('ADDRESS')[1] ?? '', 'latin1');
    return `${told.replace(value, '')} ${bytes.split('ADDRESS')[0]?.replaceAll(/[^ -~]/g, '.')} ${ends.length}`;
  }

  async function counts(side: Side, name: string): Promise<readonly string[]> {
    const text = await (await fetch(`http://127.0.0.1:${running.adminPort(side)}/stats/prometheus`)).text();
    return text
      .split('\n')
      .filter((line) => /^envoy_http_stateful_session/.test(line) && line.includes(`"${name}"`))
      .sort();
  }

  for (const each of cases) {
    test(each.name, async () => {
      for (const said of each.asks) {
        const weft = await ask('weft', each, said);
        expect([said, weft]).toEqual([said, await ask('envoy', each, said)]);
      }
      const [theirs, ours] = await Promise.all(sides.map((side) => counts(side, each.name)));
      expect(ours).toEqual(theirs);
    }, 30_000);
  }

  test('what one of the two has told is understood by the other', async () => {
    for (const [from, to] of [sides, [...sides].reverse()]) {
      const at = (side: Side) => `http://127.0.0.1:${running.port(side, 'cookie')}/`;
      const first = await fetch(at(from!));
      const [kept = ''] = (first.headers.get('set-cookie') ?? '').split(';');
      const served = await first.text();
      for (let turn = 0; turn < 4; turn++) {
        const again = await fetch(at(to!), { headers: { cookie: kept } });
        expect([await again.text(), again.headers.get('set-cookie')]).toEqual([served, null]);
      }
    }
  });
});
