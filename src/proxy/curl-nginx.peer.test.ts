import { afterEach, beforeEach, expect, test } from 'bun:test';
import { startNginx } from '../testing/nginx.ts';
import { describeWith, freePort, type Program, run } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { RealWorld } from './testing/real.ts';
import { expectBooksBalance } from './testing/world.ts';

describeWith(['curl', 'nginx'], 'curl in front, nginx behind', () => {
  let world: RealWorld;
  let nginx: Program;

  beforeEach(async () => {
    const port = freePort();
    nginx = await startNginx(
      `server { listen 127.0.0.1:${port}; keepalive_requests 3; client_max_body_size 1m;
        location / { return 200 "$request_method $request_uri $http_x_request_id\\n"; }
        location /redirect { return 302 /elsewhere; }
        location /none { return 204; } }`,
      port,
    );
    world = new RealWorld();
    world.serve([port]);
  });

  afterEach(async () => {
    await world.stop();
    await nginx.stop();
  });

  const cases: readonly (readonly [name: string, args: readonly string[], expected: string])[] = [
    ['GET', ['/a?b=c'], '200 GET /a?b=c '],
    ['HEAD', ['-I', '/'], '200 '],
    ['HTTP/1.0', ['--http1.0', '/old'], '200 GET /old '],
    ['a redirect is passed on', ['/redirect'], '302 '],
    ['no content', ['/none'], '204 '],
    ['a body', ['-d', 'hello', '/post'], '200 POST /post '],
    ['a chunked body', ['-H', 'transfer-encoding: chunked', '-d', 'hello', '/chunked'], '200 POST /chunked '],
    ['Expect: 100-continue', ['-H', 'expect: 100-continue', '-d', 'x'.repeat(2_000), '/'], '200 POST / '],
  ];
  for (const [name, args, expected] of cases) {
    test(name, async () => {
      const url = args.at(-1)!;
      const { code, out } = await run([
        ...['curl', '-s', '-m', '5', '-w', '\n%{http_code} ', '-H', 'host: ledger'],
        ...args.slice(0, -1),
        world.url + url,
      ]);
      expect(code).toBe(0);
      const [, status] = /\n(\d{3}) $/.exec(out) ?? [];
      const body = args.includes('-I') || status === '302' || status === '204' ? '' : out;
      expect(`${status} ${body}`).toStartWith(expected);
      await until('the books', () => world.plane.listeners.get('outbound')!.stats.active === 0);
      expectBooksBalance(world.plane);
    });
  }

  test('many requests outlive nginx’s limit of requests per connection', async () => {
    const urls = Array.from({ length: 20 }, (_, index) => `${world.url}/${index}`);
    const { code, out } = await run([
      ...['curl', '-s', '-m', '10', '-H', 'host: ledger', '-o', '/dev/null', '-w', '%{http_code}\n'],
      ...urls.flatMap((url, index) => (index === 0 ? [url] : ['-o', '/dev/null', url])),
    ]);
    expect(code).toBe(0);
    expect(out).toBe('200\n'.repeat(20));
    expect(world.plane.clusters.get('ledger')!.stats.connectionsTotal).toBeGreaterThan(5);
    expectBooksBalance(world.plane);
  });
});
