// jwt_authn beside Envoy's: tokens of every algorithm, good and bad, wherever they may stand, under every requirement.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describeWith, freePort } from '../../../testing/programs.ts';
import { type Ask, BesideEnvoy, type Case, cluster, prefixOf, typed } from '../../testing/beside-envoy.ts';

setDefaultTimeout(60_000);

const name = 'envoy.extensions.filters.http.jwt_authn.v3';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
const curves = Object.fromEntries(
  (['P-256', 'P-384', 'P-521'] as const).map((namedCurve) => [
    namedCurve,
    generateKeyPairSync('ec', { namedCurve }),
  ]),
);
const ed = generateKeyPairSync('ed25519');
const secret = Buffer.from(
  'a secret of enough bytes for every one of the hashes that are used, and then some more.',
);

const jwk = (key: KeyObject, more: object) => ({ ...key.export({ format: 'jwk' }), ...more });
const jwks = JSON.stringify({
  keys: [
    jwk(rsa.publicKey, { kid: 'rsa' }),
    jwk(curves['P-256']!.publicKey, { kid: 'P-256' }),
    jwk(curves['P-384']!.publicKey, { kid: 'P-384' }),
    jwk(curves['P-521']!.publicKey, { kid: 'P-521' }),
    jwk(ed.publicKey, { kid: 'ed' }),
    { kty: 'oct', kid: 'oct', k: secret.toString('base64url') },
  ],
});

const hash = (alg: string) => `sha${alg.slice(2)}`;
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = Math.floor(Date.now() / 1000);
const claims = { iss: 'issuer', sub: 'ada', aud: 'here', exp: now + 3600, role: { name: 'admin', level: 3 } };

function signWith(alg: string, data: Buffer, key: KeyObject): Buffer {
  if (alg.startsWith('HS')) return createHmac(hash(alg), secret).update(data).digest();
  if (alg.startsWith('RS')) return sign(hash(alg), data, key);
  if (alg.startsWith('PS'))
    return sign(hash(alg), data, {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    });
  if (alg.startsWith('ES')) return sign(hash(alg), data, { key, dsaEncoding: 'ieee-p1363' });
  return sign(null, data, key);
}

const keyOf: Readonly<Record<string, readonly [kid: string, key: KeyObject]>> = {
  RS: ['rsa', rsa.privateKey],
  PS: ['rsa', rsa.privateKey],
  HS: ['oct', rsa.privateKey],
  Ed: ['ed', ed.privateKey],
};

function token(more: object = {}, alg = 'RS256', header: object = {}, key?: KeyObject): string {
  const curve = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg];
  const [kid, own] = curve === undefined ? keyOf[alg.slice(0, 2)]! : [curve, curves[curve]!.privateKey];
  const data = `${encode({ alg, kid, ...header })}.${encode({ ...claims, ...more })}`;
  return `${data}.${signWith(alg, Buffer.from(data), key ?? own).toString('base64url')}`;
}

const bearer = (text: string, more: Partial<Ask> = {}): Ask => ({
  ...more,
  fields: [`authorization: Bearer ${text}`, ...(more.fields ?? [])],
});
const local = { issuer: 'issuer', local_jwks: { inline_string: jwks } };
const everywhere = { match: { prefix: '/' }, requires: { provider_name: 'p' } };

function filter(fields: object): object {
  return { name: 'jwt', typed_config: typed(`${name}.JwtAuthentication`, fields) };
}
const one = (provider: object = {}, fields: object = {}) => [
  filter({ providers: { p: { ...local, ...provider } }, rules: [everywhere], ...fields }),
];

const [head, payload, signature] = token().split('.') as [string, string, string];
const broken: readonly string[] = [
  'nonsense',
  'a.b',
  'a.b.c.d',
  `!${head}.${payload}.${signature}`,
  `${Buffer.from('no json').toString('base64url')}.${payload}.${signature}`,
  `${head}.${Buffer.from('no json').toString('base64url')}.${signature}`,
  `${encode({ typ: 'JWT' })}.${payload}.${signature}`,
  `${encode({ alg: 'none' })}.${payload}.${signature}`,
  `${encode({ alg: 'none' })}.${payload}.`,
  `${head}.${payload}.${signature.slice(0, -4)}AAAA`,
  `${head}.${encode({ ...claims, sub: 'eve' })}.${signature}`,
  token({}, 'RS256', {}, other.privateKey),
  token({}, 'RS256', { kid: 'unknown' }),
  // A public key is no secret.
  `${encode({ alg: 'HS256', kid: 'rsa' })}.${payload}.${signature}`,
  token({ iss: 'somebody' }),
  token({ exp: now - 3600 }),
  token({ exp: now - 30 }),
  token({ nbf: now + 3600 }),
  token({ nbf: now + 30 }),
];
const audiences = ['here', 'there', ['x', 'here'], ['x'], 'https://here/', undefined];
const algorithms = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 HS256 HS384 HS512 EdDSA'.split(' ');

const two = {
  providers: {
    p: local,
    q: { issuer: 'second', local_jwks: { inline_string: jwks }, from_headers: [{ name: 'x-second' }] },
  },
};
const both = [
  {},
  bearer(token()),
  { fields: [`x-second: ${token({ iss: 'second' })}`] },
  bearer(token(), { fields: [`x-second: ${token({ iss: 'second' })}`] }),
  bearer(token({ exp: 1 }), { fields: [`x-second: ${token({ iss: 'second' })}`] }),
  bearer(token({ exp: 1 })),
  bearer(token({ iss: 'second' })),
];
const requires = (requirement: object) => [
  filter({ ...two, rules: [{ match: { prefix: '/' }, requires: requirement }] }),
];
const p = { provider_name: 'p' };
const q = { provider_name: 'q' };

const cases: readonly Case[] = [
  {
    name: 'good and missing',
    filters: one(),
    asks: [{}, bearer(token()), bearer(token()), { path: '/?a=b' }],
    stats: /jwt_authn/,
  },
  {
    name: 'every algorithm',
    filters: one(),
    asks: algorithms.map((alg) => bearer(token({}, alg))),
    stats: /jwt_authn/,
  },
  { name: 'bad tokens', filters: one(), asks: broken.map((text) => bearer(text)), stats: /jwt_authn/ },
  {
    name: 'audiences',
    filters: one({ audiences: ['here', 'https://there/'] }),
    asks: audiences.map((aud) => bearer(token({ aud }))),
  },
  {
    name: 'clocks that differ',
    filters: one({ clock_skew_seconds: 1_000 }),
    asks: [{ exp: now - 500 }, { exp: now - 2_000 }, { nbf: now + 500 }, { nbf: now + 2_000 }].map((times) =>
      bearer(token(times)),
    ),
    stats: /jwt_authn/,
  },
  {
    name: 'no skew said',
    filters: one(),
    asks: [bearer(token({ exp: undefined })), bearer(token({ exp: now - 30 }))],
  },
  {
    name: 'tokens that end, and soon',
    filters: one({ require_expiration: true, max_lifetime: '3000s' }),
    asks: [
      { exp: undefined },
      { exp: now + 2_000 },
      { exp: now + 9_000 },
      { exp: now + 2_000, iat: now },
      { exp: now + 9_000, iat: now },
      { exp: now + 2_000, nbf: now - 9_000 },
      { exp: now + 2_000, iat: now - 9_000 },
    ].map((times) => bearer(token(times))),
    stats: /jwt_authn/,
  },
  {
    name: 'tokens that end',
    filters: one({ require_expiration: true }),
    asks: [bearer(token()), bearer(token({ exp: undefined }))],
    stats: /jwt_authn/,
  },
  {
    name: 'tokens that need not end, and may last',
    filters: one({ max_lifetime: '3000s' }),
    asks: [{ exp: undefined }, { exp: undefined, iat: now }, { exp: now + 9_000 }].map((times) =>
      bearer(token(times)),
    ),
  },
  {
    name: 'what filters and logs are told',
    filters: [
      {
        name: 'tell',
        typed_config: typed('envoy.extensions.filters.http.header_mutation.v3.HeaderMutation', {
          mutations: {
            response_mutations: ['pay:sub', 'pay:role:level', 'pay:aud', 'top:alg', 'top:kid', 'none'].map(
              (path) => ({
                append: {
                  header: {
                    key: `x-${path.replaceAll(':', '-')}`,
                    value: `%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:${path})%`,
                  },
                  append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
                },
              }),
            ),
          },
        }),
      },
      {
        ...(one({ payload_in_metadata: 'pay', header_in_metadata: 'top' })[0] ?? {}),
        name: 'envoy.filters.http.jwt_authn',
      },
    ],
    asks: [bearer(token()), bearer(token({ aud: ['here', 'there'] })), {}, bearer(token({ exp: 1 }))],
  },
  {
    name: 'from where',
    filters: one({
      from_headers: [{ name: 'x-token', value_prefix: 'tok=' }, { name: 'x-plain' }],
      from_params: ['t'],
      from_cookies: ['c'],
    }),
    asks: [
      bearer(token()),
      { fields: [`x-token: tok=${token()}`] },
      { fields: [`x-plain: ${token()}`] },
      { path: `/a?b=c&t=${token()}` },
      { fields: [`cookie: a=b; c=${token()}`] },
      { path: `/?access_token=${token()}` },
    ],
  },
  {
    name: 'what the application is told',
    filters: one({
      forward: true,
      forward_payload_header: 'x-payload',
      pad_forward_payload_header: true,
      claim_to_headers: [
        { header_name: 'x-sub', claim_name: 'sub' },
        { header_name: 'x-level', claim_name: 'role.level' },
        { header_name: 'x-gone', claim_name: 'not.there' },
      ],
    }),
    asks: [bearer(token(), { fields: ['x-sub: forged', 'x-gone: forged', 'x-payload: forged'] })],
  },
  {
    name: 'either',
    filters: requires({ requires_any: { requirements: [p, q] } }),
    asks: both,
    stats: /jwt_authn/,
  },
  {
    name: 'both',
    filters: requires({ requires_all: { requirements: [p, q] } }),
    asks: both,
    stats: /jwt_authn/,
  },
  { name: 'may be missing', filters: requires({ allow_missing: {} }), asks: both, stats: /jwt_authn/ },
  { name: 'may fail', filters: requires({ allow_missing_or_failed: {} }), asks: both, stats: /jwt_authn/ },
  {
    name: 'either or none',
    filters: requires({ requires_any: { requirements: [p, { allow_missing: {} }] } }),
    asks: both,
  },
  {
    name: 'by rule, by route, before preflights',
    filters: [
      filter({
        providers: { p: local },
        requirement_map: { named: p },
        bypass_cors_preflight: true,
        rules: [
          { match: { prefix: '/open' } },
          { match: { prefix: '/named' }, requirement_name: 'named' },
          {
            match: { prefix: '/audience' },
            requires: { provider_and_audiences: { provider_name: 'p', audiences: ['else'] } },
          },
          { match: { prefix: '/rule' }, requires: p },
        ],
      }),
    ],
    routes: [
      {
        match: { prefix: '/off' },
        route: { cluster: 'backend' },
        typed_per_filter_config: { jwt: typed(`${name}.PerRouteConfig`, { disabled: true }) },
      },
      {
        match: { prefix: '/routed' },
        route: { cluster: 'backend' },
        typed_per_filter_config: { jwt: typed(`${name}.PerRouteConfig`, { requirement_name: 'named' }) },
      },
      { match: { prefix: '/' }, route: { cluster: 'backend' } },
    ],
    asks: [
      ...['/open', '/named', '/rule', '/else', '/off', '/routed', '/audience'].flatMap((path) => [
        { path },
        bearer(token(), { path }),
      ]),
      {
        method: 'OPTIONS',
        path: '/rule',
        fields: ['origin: http://a', 'access-control-request-method: GET'],
      },
    ],
    stats: /jwt_authn/,
  },
  {
    name: 'nothing is told',
    filters: one({}, { strip_failure_response: true }),
    asks: [{}, bearer(broken[0] ?? '')],
  },
  {
    name: 'keys from elsewhere',
    filters: one({
      local_jwks: undefined,
      remote_jwks: { http_uri: { uri: 'http://keys.example/jwks?x', cluster: 'keys', timeout: '1s' } },
    }),
    asks: [bearer(token()), bearer(token()), bearer(broken[9] ?? '')],
    stats: /jwks_fetch/,
  },
  {
    name: 'keys from nowhere',
    filters: one({
      local_jwks: undefined,
      remote_jwks: { http_uri: { uri: 'http://keys.example/jwks', cluster: 'dead', timeout: '1s' } },
    }),
    asks: [bearer(token()), {}],
  },
];

describeWith(['envoy'], 'tokens beside Envoy', () => {
  const dead = freePort();
  let server: Bun.Server<undefined>;
  const beside = new BesideEnvoy({
    cases,
    clusters: () => [cluster('keys', server.port ?? 0), cluster('dead', dead)],
  });
  beforeAll(async () => {
    server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response(jwks) });
    await beside.start();
  });
  afterAll(async () => {
    await beside.stop();
    await server.stop(true);
  });

  for (const [index, { name, stats }] of cases.entries()) {
    test(name, async () => {
      const { envoy, weft } = await beside.play(index);
      expect(weft).toEqual([...envoy]);
      if (stats === undefined) return;
      const counted = await beside.stats(stats);
      const mine = (lines: readonly string[]) =>
        lines.filter((line) => line.includes(`"${prefixOf(index)}"`) && !line.includes('_cache_'));
      expect(mine(counted.weft)).toEqual(mine(counted.envoy));
    });
  }
});
