import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { PortAllocator } from '../machine/ports.ts';
import { type ControlServer, serveControl } from './control-server.ts';
import type { DemoStatus } from './status.ts';

const status: DemoStatus = {
  replicas: [{ name: 'ledger-0', service: 'ledger', state: 'ready', restarts: 0 }],
  policy: 'on',
  splitPercent: 0,
  money: { expected: 5, found: 5 },
  load: null,
  clients: { state: 'starting', restarts: 0 },
  requests: 0,
  failed: 0,
  retries: 0,
  addresses: { edge: '', console: '', metrics: '' },
  usage: [],
};

let server: ControlServer;
let commands: string[][];

beforeEach(() => {
  commands = [];
  server = serveControl(new PortAllocator(process.pid).allocate(), {
    status: () => status,
    command(words) {
      commands.push([...words]);
      return { ok: words[0] !== 'dance', message: 'as you like' };
    },
  });
});

afterEach(async () => {
  await server.close();
});

async function send(path: string, headers: Record<string, string>, body?: string): Promise<Response> {
  const method = body === undefined ? 'GET' : 'POST';
  return await fetch(`${server.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
}

const kill = JSON.stringify({ words: ['kill', 'ledger-1'] });

describe('serveControl', () => {
  test('gives the status and takes commands from who has the token', async () => {
    const authorization = `Bearer ${server.token}`;
    expect(await (await send('/status', { authorization })).json()).toEqual(status);
    const answer = await send('/command', { authorization }, kill);
    expect([answer.status, await answer.json()]).toEqual([200, { ok: true, message: 'as you like' }]);
    expect(commands).toEqual([['kill', 'ledger-1']]);
  });

  test.each<{ name: string; headers: Record<string, string>; withToken: boolean; code: number }>([
    { name: 'no token', headers: {}, withToken: false, code: 401 },
    { name: 'a wrong token', headers: { authorization: 'Bearer x' }, withToken: false, code: 401 },
    { name: 'another origin', headers: { origin: 'http://evil.example' }, withToken: true, code: 403 },
    {
      name: 'another loopback origin',
      headers: { origin: 'http://127.0.0.1:1' },
      withToken: true,
      code: 403,
    },
    { name: 'a rebound host name', headers: { host: 'evil.example' }, withToken: true, code: 421 },
  ])('refuses $name, whatever else is right', async ({ headers, withToken, code }) => {
    const token: Record<string, string> = withToken ? { authorization: `Bearer ${server.token}` } : {};
    const answer = await send('/command', { ...token, ...headers }, kill);
    expect(answer.status).toBe(code);
    expect(commands).toEqual([]);
  });

  test.each([
    { name: 'no JSON', body: 'kill', code: 400 },
    { name: 'words that are not strings', body: '{"words":[1]}', code: 400 },
    { name: 'no words', body: '{}', code: 400 },
    { name: 'a command that the demo refuses', body: '{"words":["dance"]}', code: 400 },
    { name: 'too much', body: JSON.stringify({ words: ['x'.repeat(5000)] }), code: 413 },
  ])('refuses $name', async ({ body, code }) => {
    const answer = await send('/command', { authorization: `Bearer ${server.token}` }, body);
    expect(answer.status).toBe(code);
  });
});
