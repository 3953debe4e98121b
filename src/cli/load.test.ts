import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Each case starts the program.
setDefaultTimeout(30_000);

const root = join(import.meta.dir, '../..');
let server: Bun.Server<undefined>;
let folder = '';
let status = 200;
let bytes: Uint8Array[] = [];
let cookies: (string | null)[] = [];
let seen: {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly key: string | null;
  readonly body: string;
}[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-load-'));
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { method, headers } = request;
      const path = new URL(request.url).pathname;
      const host = headers.get('host') ?? '';
      const body = await request.bytes();
      bytes.push(body);
      cookies.push(headers.get('cookie'));
      const key = headers.get('idempotency-key');
      seen.push({ method, path, host, key, body: Buffer.from(body).toString() });
      return new Response('ok', { status });
    },
  });
});

beforeEach(() => {
  seen = [];
  bytes = [];
  cookies = [];
  status = 200;
});

afterAll(async () => {
  await server.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function start(...flags: readonly string[]): Bun.Subprocess<'ignore', 'pipe', 'pipe'> {
  return Bun.spawn([process.execPath, join(root, 'src/cli/main.ts'), 'load', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function ended(child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>): Promise<Ended> {
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out, err };
}

function url(path = '/'): string {
  return `http://127.0.0.1:${server.port}${path}`;
}

describe('weft load', () => {
  test('sends what it is told and prints a report as JSON', async () => {
    const { code, out } = await ended(
      start(
        url('/transfers'),
        '--rate',
        '100',
        '--duration',
        '500ms',
        '--json',
        '--header',
        'Host: ledger.bank',
        '--body',
        'x=1',
        '--idempotency-key',
      ),
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      version: 1,
      due: 50,
      sent: 50,
      succeeded: 50,
      failed: 0,
      statuses: { 200: 50 },
    });
    expect(seen.length).toBe(50);
    expect(seen[0]).toMatchObject({ method: 'POST', path: '/transfers', host: 'ledger.bank', body: 'x=1' });
    expect(new Set(seen.map(({ key }) => key)).size).toBe(50);
  });

  test('prints a table for people', async () => {
    const { code, out } = await ended(start(url(), '--rate', '50', '--duration', '200ms'));
    expect(code).toBe(0);
    expect(out).toContain('10 requests in');
    expect(out).toContain('p99.9');
  });

  test('ends with 1 when something failed', async () => {
    status = 500;
    const { code, out } = await ended(start(url(), '--rate', '50', '--duration', '200ms', '--json'));
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ failed: 10, failures: { status: 10 } });
    expect((await ended(start(url(), '--rate', '50', '--duration', '200ms', '--status', '500'))).code).toBe(
      0,
    );
  });

  test('sends a file and a repeated header as they are', async () => {
    const path = join(folder, 'binary');
    const file = Uint8Array.from({ length: 1024 }, (_, at) => at % 256);
    writeFileSync(path, file);
    const cookie = ['--header', 'Cookie: a=1', '--header', 'Cookie: b=2'];
    const { code } = await ended(
      start(url(), '--rate', '10', '--duration', '200ms', '--body-file', path, ...cookie),
    );
    expect(code).toBe(0);
    expect([...bytes[0]!]).toEqual([...file]);
    expect(cookies[0]).toMatch(/^a=1[;,] b=2$/);
  });

  test('prints no latency where nothing succeeded', async () => {
    const child = start('http://127.0.0.1:1', '--rate', '50', '--duration', '200ms', '--progress');
    const { code, out, err } = await ended(child);
    expect(code).toBe(1);
    expect(out).toContain('no latency');
    expect(err).toContain('no latency');
    expect(out + err).not.toMatch(/p50|0\.000/);
  });

  test('shows its defaults with their units', async () => {
    const { out } = await ended(start('--help'));
    expect(out).toMatch(/--duration[^(]*\(default:\s+10s\)/);
    expect(out).toMatch(/--timeout[^(]*\(default:\s+10s\)/);
  });

  test('plays a scenario', async () => {
    const path = join(folder, 'mix.yaml');
    writeFileSync(
      path,
      `requests:\n- url: ${url('/home')}\n  weight: 1\n- url: ${url('/pay')}\n  method: POST\n  body: '{}'\n  weight: 1\n  idempotencyKey: true\n`,
    );
    const { code } = await ended(start('--scenario', path, '--rate', '200', '--duration', '500ms'));
    expect(code).toBe(0);
    expect(new Set(seen.map(({ method, path: at }) => `${method} ${at}`))).toEqual(
      new Set(['GET /home', 'POST /pay']),
    );
  });

  test('an interrupt ends it with what was done', async () => {
    const child = start(url(), '--rate', '100', '--duration', '1m', '--json');
    while (seen.length < 10) await Bun.sleep(5);
    child.kill('SIGINT');
    const { code, out } = await ended(child);
    expect(code).toBe(0);
    const report = JSON.parse(out);
    expect(report.interrupted).toBe(true);
    expect(report.due).toBeGreaterThanOrEqual(10);
    expect(report.due).toBe(report.succeeded + report.failed + report.unfinished);
  });
});

describe('wrong usage ends with 64 and says what is wrong', () => {
  const rows: readonly (readonly [flags: readonly string[], words: string])[] = [
    [[], 'give a URL'],
    [['http://127.0.0.1:1', '--rate', '0'], 'must be 0.001 to'],
    [['http://127.0.0.1:1', '--duration', 'soon'], 'must be a time'],
    [['http://127.0.0.1:1', '--duration', '0'], 'must be more than 0'],
    [['http://127.0.0.1:1', '--timeout', '0'], 'must be more than 0'],
    [['http://127.0.0.1:1', '--timeout', '0ms'], 'must be more than 0'],
    [['http://127.0.0.1:1', '--connections', '1.5'], 'must be a whole number'],
    [['http://127.0.0.1:1', '--body', 'a', '--body-file', 'b'], 'give --body or --body-file'],
    [['--scenario', 'x', '--header', 'a: b', '--body-file', 'c'], '--header, --body-file: a scenario says'],
    [['http://127.0.0.1:1/a b'], 'percent-encoded'],
    [['ftp://127.0.0.1:1'], 'https:// URL'],
    [['https://127.0.0.1:1', '--cert', 'c.pem'], '--cert and --key'],
    [['http://127.0.0.1:1', '--header', 'nonsense'], 'Name: value'],
    [['http://127.0.0.1:1', '--header', 'Transfer-Encoding: chunked'], 'framing'],
    [['http://127.0.0.1:1', '--body-file', '/nonexistent/file'], 'cannot be read'],
    [['--scenario', '/nonexistent/file'], 'cannot be read'],
    [['http://127.0.0.1:1', '--scenario', 'x'], 'give a URL, several, or --scenario instead of any'],
    [['http://h/a.B/C', '--data', '{}'], 'must have proto, or reflection'],
    [['http://h/a.B/C', '--data', '{}', '--data-file', 'x'], 'give --data or --data-file'],
    [['http://h/a.B/C', '--proto', 'x', '--reflection'], 'give --proto or --reflection'],
    [['http://127.0.0.1:1/a.B/C', '--proto', '/nonexistent.proto'], '/nonexistent.proto: cannot be read'],
    [['http://127.0.0.1:1/a.B/C', '--reflection'], 'reflection'],
    [['http://127.0.0.1:1/page', '--reflection'], 'url: must end in package.Service/Method (got /page)'],
    [
      ['http://127.0.0.1:1/a.B/C', '--reflection', '--data', '{'],
      'must be JSON: a message, a list, or one a line',
    ],
    [['http://127.0.0.1:1', '--arrivals', 'never'], 'Allowed choices'],
  ];
  for (const [flags, words] of rows) {
    test(flags.join(' ') || 'nothing', async () => {
      const { code, err } = await ended(start(...flags));
      expect(err).toContain(words);
      expect(code).toBe(64);
    });
  }

  test('a server of HTTP/1 has no reflection', async () => {
    const { code, err } = await ended(start(`http://127.0.0.1:${server.port}/a.B/C`, '--reflection'));
    expect([code, err]).toEqual([
      64,
      expect.stringContaining('must speak HTTP/2, and closed the connection'),
    ]);
  });
});
