// What patterns and templates make of paths, hosts and redirects, beside Envoy, whose matcher is RE2 itself.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { describeWith } from '../testing/programs.ts';
import { type Ask, BesideEnvoy, type Case, typed } from './testing/beside-envoy.ts';

setDefaultTimeout(60_000);

const pattern = (regex: string, substitution: string) => ({ pattern: { regex }, substitution });
const backend = { cluster: 'backend' };
const all = { prefix: '/' };
const matched = (path_template: string) => ({
  path_match_policy: {
    name: 'envoy.path.match.uri_template.uri_template_matcher',
    typed_config: typed('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', {
      path_template,
    }),
  },
});
const made = (path_template_rewrite: string) => ({
  path_rewrite_policy: {
    name: 'envoy.path.rewrite.uri_template.uri_template_rewriter',
    typed_config: typed('envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig', {
      path_template_rewrite,
    }),
  },
});

const asks: readonly Ask[] = [
  '/',
  '/aab',
  '/abab?ab=ab',
  '/a/b/c/',
  '/v1/users/7?x=/v1',
  '/v1/users',
  '/b//a',
  '/Abc.png',
  '/x.y.example/z',
  '/a.m3u8',
  '/aaa=b;c',
].map((path) => ({ path, fields: ['host: first.example'] }));

const rewrites: readonly (readonly [regex: string, substitution: string])[] = [
  ['a', 'b'],
  ['a*', '/x'],
  ['b*', '/-'],
  ['$', '/end'],
  ['^', '/begin'],
  ['(?:)', '/'],
  ['a+?', '[\\0]'],
  ['(a*)*', '/<\\1>'],
  ['(a*)+', '/<\\1>'],
  ['(a|b)*', '/<\\1>'],
  ['(a|ab)(c|bab)?', '/\\2.\\1'],
  ['(|a)+', '/<\\1>'],
  ['(|a)*', '/<\\1>'],
  ['(a?)*?b', '<\\1>'],
  ['(?:(a)|(b))+', '<\\1\\2>'],
  ['(a??)(a*)', '/<\\1,\\2>'],
  ['^/v1/([^/]+)/?(.*)$', '/\\1/v2/\\2'],
  ['/(v\\d)/(?P<what>\\w+)', '/\\2\\\\\\1'],
  ['(?i)/ABC(\\.[a-z]{3})', '/x\\1'],
  ['/[^/]*$', ''],
  ['(a{2}|a){1,2}', '(\\1)'],
  ['(x|y)?(.)', '\\2\\1'],
];

const cases: readonly Case[] = [
  ...rewrites.map(([regex, substitution]) => ({
    name: `${regex} to ${substitution}`,
    routes: [{ match: all, route: { ...backend, regex_rewrite: pattern(regex, substitution) } }],
    asks,
  })),
  {
    name: 'the host of the endpoint',
    routes: [
      {
        match: { prefix: '/v1' },
        route: { ...backend, auto_host_rewrite: true, append_x_forwarded_host: true },
      },
      { match: all, route: { ...backend, auto_host_rewrite: true } },
    ],
    asks,
  },
  {
    name: 'a host of the path',
    routes: [
      {
        match: all,
        route: {
          ...backend,
          host_rewrite_path_regex: pattern('^/([a-z.]+)/.*$', '\\1'),
          append_x_forwarded_host: true,
          prefix_rewrite: '/p/',
        },
      },
    ],
    asks: asks.filter(({ path }) => /^\/[a-z.]+\//.test(path ?? '')),
  },
  ...[
    { regex_rewrite: pattern('^/(\\w+)', '/moved/\\1') },
    { regex_rewrite: pattern('/', '/_'), strip_query: true },
    { regex_rewrite: pattern('none', ''), https_redirect: true },
    { path_redirect: '/new?own=1' },
    { path_redirect: '/new?own=1', strip_query: true },
    { path_redirect: '/new', strip_query: true },
  ].map((redirect, at) => ({
    name: `redirect ${at}`,
    routes: [{ match: all, redirect: { host_redirect: 'new.example', ...redirect } }],
    asks: asks.filter(({ path }) => !path?.startsWith('/b//')),
  })),
  ...[
    ['/{a}/{b=**}', '/{b}/{a}'],
    ['/v1/{kind}/*', '/{kind}'],
    ['/**', '/all'],
    ['/{name}.m3u8', '/x/{name}'],
    ['/{all=**}', '/x/{all}/{all}'],
    ['/*/b/c/', '/kept'],
    ['/v1/{a=users/*}', '/v2/{a}'],
    ['/{a=*}=b;c', '/{a}'],
  ].map(([template = '', rewrite = '']) => ({
    name: `template ${template} to ${rewrite}`,
    routes: [
      { match: matched(template), route: { ...backend, ...made(rewrite) } },
      { match: all, direct_response: { status: 404 } },
    ],
    asks,
  })),
];

describeWith(['envoy'], 'rewriting by patterns, beside Envoy', () => {
  const beside = new BesideEnvoy({ cases });
  beforeAll(() => beside.start(), 60_000);
  afterAll(() => beside.stop());

  test.each(cases.map(({ name }, index) => [name, index] as const))('%s', async (_, index) => {
    const { envoy, weft } = await beside.play(index);
    expect(weft).toEqual(envoy);
    expect(envoy.length).toBeGreaterThan(0);
  });
});
