import { describe, expect, test } from 'bun:test';
import { Collector } from './collector.ts';
import { createConsole } from './serve.ts';

const commands: string[][] = [];
const collector = new Collector({
  readMesh: async () => ({ version: 'v1', services: ['bank/ledger'], proxies: [], issues: [] }),
  readDemo: async () => null,
  fetcher: fetch,
  wallMs: () => 1_000_000,
});
const handle = createConsole({
  collector,
  async command(words) {
    commands.push([...words]);
    return { ok: words[0] !== 'dance', message: words.join(' ') };
  },
});

function post(headers: Record<string, string>, body: string): Request {
  return new Request('http://127.0.0.1:15014/console/command', { method: 'POST', headers, body });
}

const own = { host: '127.0.0.1:15014', origin: 'http://127.0.0.1:15014', 'content-type': 'application/json' };

describe('the console', () => {
  for (const path of ['/', '/console/page.js', '/console/page.css']) {
    test(`serves ${path} and lets it load nothing else`, async () => {
      const response = await handle(new Request(`http://127.0.0.1:15014${path}`));
      expect(response?.status).toBe(200);
      expect(response?.headers.get('content-security-policy')).toContain("default-src 'self'");
      expect((await response?.text())?.length).toBeGreaterThan(100);
    });
  }

  test('knows no other path', async () => {
    expect(await handle(new Request('http://127.0.0.1:15014/api/v1/mesh'))).toBeNull();
    expect(await handle(new Request('http://127.0.0.1:15014/constructor'))).toBeNull();
  });

  test('answers the state as JSON', async () => {
    const response = await handle(new Request('http://127.0.0.1:15014/console/state'));
    expect(await response?.text()).toContain('"name":"bank/ledger"');
  });

  test('says why the mesh cannot be read', async () => {
    const broken = new Collector({
      readMesh: async () => await Promise.reject(new Error('refused')),
      readDemo: async () => null,
      fetcher: fetch,
      wallMs: () => 0,
    });
    const response = await createConsole({ collector: broken, command: null })(
      new Request('http://a/console/state'),
    );
    expect([response?.status, await response?.text()]).toEqual([
      503,
      'the mesh cannot be read: Error: refused',
    ]);
  });
});

describe('commands', () => {
  test('from our own page are handed on', async () => {
    const response = await handle(post(own, '{"words":["kill","ledger-0"]}'));
    expect([response?.status, commands.at(-1)]).toEqual([200, ['kill', 'ledger-0']]);
  });

  test('that the demo refuses are shown as refused', async () => {
    expect((await handle(post(own, '{"words":["dance"]}')))?.status).toBe(400);
  });

  const foreign: readonly [string, Record<string, string>][] = [
    ['another origin', { ...own, origin: 'http://evil.example' }],
    ['no origin', { host: own.host, 'content-type': own['content-type'] }],
    ['another name for this address', { ...own, host: 'evil.example', origin: 'http://evil.example' }],
    ['a plain form', { ...own, 'content-type': 'text/plain' }],
  ];
  for (const [name, headers] of foreign) {
    test(`from ${name} are refused`, async () => {
      const before = commands.length;
      expect((await handle(post(headers, '{"words":["kill","ledger-0"]}')))?.status).toBe(403);
      expect(commands.length).toBe(before);
    });
  }

  for (const body of ['', 'null', '{"words":"kill"}', '{"words":[1]}', `{"words":["${'x'.repeat(5000)}"]}`]) {
    test(`${body.slice(0, 20)} is not a command`, async () => {
      expect((await handle(post(own, body)))?.status).toBe(400);
    });
  }
});
