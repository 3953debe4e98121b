// Upgrades and CONNECT beside Envoy under the same bootstrap, and with other people's clients and servers: the
// WebSockets of Chromium, Node, Bun and a bare Python, curl through CONNECT, nginx as the next proxy.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { createServer, type Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { describeWith, freePort, type Program, run, startProgram } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { RawSocket } from './testing/raw-socket.ts';
import { clusterAt, routesOf, type Sides, sides, startSides } from './testing/side-by-side.ts';

setDefaultTimeout(60_000);

const chromiumName =
  ['chromium', 'chromium-browser', 'google-chrome'].find((name) => Bun.which(name) !== null) ?? 'chromium';

const router = {
  name: 'router',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
};
/** Answers by itself where the path begins so. */
const rejecting = (name: string, http_status: number, path = '/') => ({
  name,
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault',
    abort: { http_status, percentage: { numerator: 100 } },
    headers: [{ name: ':path', string_match: { prefix: path } }],
  },
});
const toEcho = { prefix: '/' };
const connectRoute = (config: object, cluster: string) => ({
  match: { connect_matcher: {} },
  route: { cluster, upgrade_configs: [{ upgrade_type: 'CONNECT', ...config }] },
});

/** Asks for an upgrade as a browser does. */
const ask = (path: string, protocol = 'websocket') =>
  `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: ${protocol}\r\n` +
  'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

describeWith(['envoy'], 'upgrades, beside Envoy', () => {
  let echo: Bun.Server<undefined>;
  let raw: TcpServer;
  let beside: Sides;
  /** What raw connections said. */
  let said: string[] = [];

  beforeAll(async () => {
    echo = startEcho();
    raw = createServer({ allowHalfOpen: true }, (socket) => {
      said.push('');
      const at = said.length - 1;
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        said[at] += bytes.toString('latin1');
        if (said[at]?.includes('\r\n\r\n') && said[at]?.includes('refuse'))
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno');
        else if (said[at]?.startsWith('GET')) {
          if (said[at]?.endsWith('\r\n\r\n'))
            socket.write('HTTP/1.1 101 X\r\nupgrade: custom\r\nconnection: upgrade\r\n\r\nfirst');
        } else if (said[at]?.startsWith('CONNECT') && said[at]?.endsWith('\r\n\r\n'))
          socket.write('HTTP/1.1 200 OK\r\n\r\nfirst');
      });
      socket.on('end', () => socket.end('last'));
    });
    await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
    const address = raw.address();
    const rawPort = typeof address === 'object' && address !== null ? address.port : 0;
    const plain = [{ match: toEcho, route: { cluster: 'echo' } }];
    const routes = [
      {
        match: { prefix: '/never' },
        route: { cluster: 'echo', upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }] },
      },
      {
        match: { prefix: '/here' },
        route: { cluster: 'echo', upgrade_configs: [{ upgrade_type: 'WebSocket' }] },
      },
      { match: { prefix: '/raw' }, route: { cluster: 'raw', upgrade_configs: [{ upgrade_type: 'custom' }] } },
      { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'direct' } } },
      ...plain,
    ];
    beside = await startSides(
      {
        allowed: { upgrade_configs: [{ upgrade_type: 'websocket' }], route_config: routesOf(...routes) },
        filtered: {
          http_filters: [rejecting('listener', 411), router],
          upgrade_configs: [
            { upgrade_type: 'websocket', filters: [rejecting('upgrade', 412, '/never'), router] },
            { upgrade_type: 'custom' },
          ],
          route_config: routesOf(...routes),
        },
        unsaid: { route_config: routesOf(...routes) },
        off: {
          upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }],
          route_config: routesOf(...routes),
        },
        none: { upgrade_configs: [{ upgrade_type: 'websocket' }], route_config: routesOf() },
        ends: { route_config: routesOf(connectRoute({ connect_config: {} }, 'raw'), ...plain) },
        passes: { route_config: routesOf(connectRoute({}, 'raw'), ...plain) },
        refuses: {
          route_config: routesOf({ match: { connect_matcher: {} }, route: { cluster: 'raw' } }, ...plain),
        },
        unreachable: { route_config: routesOf(connectRoute({ connect_config: {} }, 'closed')) },
        echoes: {
          // Python says CONNECT in HTTP/1.0.
          http_protocol_options: { accept_http_10: true },
          route_config: routesOf(connectRoute({ connect_config: {} }, 'echo')),
        },
      },
      [clusterAt('echo', echo.port ?? 0), clusterAt('raw', rawPort), clusterAt('closed', freePort())],
    );
  });

  afterAll(async () => {
    await beside.stop();
    raw.close();
    await echo.stop(true);
  });

  const cases: readonly (readonly [listener: string, path: string, protocol?: string])[] = [
    ['allowed', '/'],
    ['allowed', '/', 'WebSocket'],
    ['allowed', '/never'],
    ['filtered', '/'],
    ['filtered', '/never'],
    ['filtered', '/here'],
    ['filtered', '/raw', 'custom'],
    ['allowed', '/', 'other'],
    ['allowed', '/', 'h2c'],
    ['allowed', '/direct'],
    ['unsaid', '/'],
    ['unsaid', '/here'],
    ['unsaid', '/direct'],
    ['off', '/'],
    ['off', '/here'],
    ['none', '/'],
  ];
  for (const [listener, path, protocol] of cases) {
    test(`${listener} ${path} ${protocol ?? 'websocket'}`, async () => {
      const outcomes = [];
      for (const side of sides) {
        const client = new RawSocket(beside.port(side, listener)).send(ask(path, protocol));
        await until('an answer', () => client.answer !== null);
        const { status, fields } = client.answer!;
        if (status !== 101 && protocol !== 'h2c') await until(`${side} ended it`, () => client.ended);
        client.socket.destroy();
        outcomes.push({
          status,
          upgrade: fields.get('upgrade')?.toLowerCase(),
          key: fields.get('sec-websocket-accept'),
        });
      }
      expect(outcomes[1]).toEqual(outcomes[0]!);
    });
  }

  test('bytes pass both ways, and what the upstream saw is the same', async () => {
    const seen = [];
    for (const side of sides) {
      said = [];
      const client = new RawSocket(beside.port(side, 'allowed')).send(ask('/raw', 'custom'));
      await until('the first bytes', () => client.answer?.rest === 'first');
      client.send('from the client');
      await until('they came', () => said[0]?.endsWith('from the client') === true);
      const head = (said[0] ?? '').split('\r\n\r\n')[0] ?? '';
      const fields = head
        .split('\r\n')
        .filter((line) => /^(GET|upgrade|sec-|content-|transfer-)/i.test(line));
      seen.push({ fields: fields.map((line) => line.toLowerCase()).sort(), status: client.answer?.status });
      client.socket.destroy();
    }
    expect(seen[1]).toEqual(seen[0]!);
  });

  test('an upstream that refuses is passed on, and hears nothing of what was to be a tunnel', async () => {
    for (const side of sides) {
      said = [];
      const client = new RawSocket(beside.port(side, 'allowed'));
      client.send(
        `${ask('/raw/refuse', 'custom')}${side === 'weft' ? 'GET /smuggled HTTP/1.1\r\n\r\n' : ''}`,
      );
      await until('an answer', () => client.answer?.rest === 'no');
      expect(client.answer?.status).toBe(200);
      expect(said[0]).not.toContain('smuggled');
      client.socket.destroy();
    }
  });

  for (const [listener, expected] of [
    ['ends', 200],
    ['passes', 200],
    ['refuses', 403],
    ['unreachable', 503],
    ['unsaid', 404],
  ] as const) {
    test(`CONNECT ${listener}`, async () => {
      const outcomes = [];
      for (const side of sides) {
        said = [];
        const client = new RawSocket(beside.port(side, listener));
        client.send('CONNECT db.example:5432 HTTP/1.1\r\nhost: db.example:5432\r\n\r\n');
        await until('an answer', () => client.answer !== null);
        const status = client.answer?.status ?? 0;
        if (status === 200) {
          client.send('hello');
          await until('it came', () => said[0]?.endsWith('hello') === true);
        } else await until(`${side} ended it`, () => client.ended);
        const [line = '', host = ''] = (said[0] ?? '').split('\r\n');
        outcomes.push({ status, line, host, length: client.answer?.fields.get('content-length') ?? '' });
        client.socket.destroy();
      }
      const [envoy, weft] = outcomes;
      expect(weft?.status).toBe(expected);
      expect({ ...weft, length: '' }).toEqual({ ...envoy!, length: '' });
    });
  }

  test('counters have the same names and values', async () => {
    const names = [
      'downstream_cx_upgrades_total',
      'downstream_cx_upgrades_active',
      'downstream_rq_ws_on_non_ws_route',
    ];
    const values = [];
    for (const side of sides) {
      const text = await (await fetch(`http://127.0.0.1:${beside.adminPort(side)}/stats/prometheus`)).text();
      values.push(
        names.map((name) => [
          name,
          new RegExp(`^envoy_http_${name}\\{.*"off".*\\} (\\d+)$`, 'm').exec(text)?.[1],
        ]),
      );
    }
    expect(values[1]).toEqual(values[0]!);
    expect(values[0]).toEqual(names.map((name, at) => [name, ['1', '0', '1'][at]]));
  });

  describeWith([chromiumName], 'Chromium', () => {
    test('its WebSocket', async () => {
      const browser = await chromium.launch({
        executablePath: Bun.which(chromiumName) ?? '',
        args: ['--no-sandbox', '--disable-gpu'],
      });
      const page = await browser.newPage();
      const result = await page.evaluate(
        (address) =>
          new Promise((resolve) => {
            const socket = new WebSocket(address, ['chat']);
            let total = 0;
            socket.onmessage = ({ data }) => {
              total += String(data).length;
              if (total === 200_005) socket.close(1000, 'done');
            };
            socket.onclose = ({ code, wasClean }) => resolve([socket.protocol, total, code, wasClean]);
            socket.onopen = () => {
              socket.send('hello');
              socket.send('x'.repeat(200_000));
            };
          }),
        `ws://127.0.0.1:${beside.port('weft', 'allowed')}/`,
      );
      await browser.close();
      expect(result).toEqual(['chat', 200_005, 1000, true]);
    });
  });

  test('Bun is refused where nobody allows it', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${beside.port('weft', 'unsaid')}/`);
    const event = await new Promise<CloseEvent>((resolve) => {
      socket.onclose = resolve;
    });
    expect(event.wasClean).toBe(false);
  });

  test('Bun, with 10 MB each way and a slow reader', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${beside.port('weft', 'allowed')}/`);
    socket.binaryType = 'arraybuffer';
    let received = 0;
    socket.onmessage = ({ data }) => {
      received += (data as ArrayBuffer).byteLength;
    };
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    for (let piece = 0; piece < 160; piece++) socket.send(new Uint8Array(64 * 1024));
    await until('all of it is back', () => received === 160 * 64 * 1024);
    socket.close(1000);
    await until('it closed', () => socket.readyState === WebSocket.CLOSED);
  });

  describeWith(['node'], 'Node', () => {
    test('its http client upgrades', async () => {
      const script = `
        const request = require('node:http').request({ port: ${beside.port('weft', 'allowed')}, host: '127.0.0.1', path: '/raw',
          headers: { connection: 'Upgrade', upgrade: 'custom' } });
        request.on('upgrade', (response, socket, head) => {
          console.log(response.statusCode, response.headers.upgrade, head.toString());
          socket.on('data', (bytes) => console.log(bytes.toString()));
          socket.on('end', () => process.exit(0));
          socket.end('bye');
        });
        request.end();`;
      const { out } = await run(['node', '-e', script]);
      expect(out.replaceAll('\n', ' ')).toMatch(/^101 custom (first)? *(first)? *last $/);
    });
  });

  describeWith(['curl'], 'curl', () => {
    test('goes through CONNECT', async () => {
      const { out } = await run([
        'curl',
        '-sS',
        '--proxytunnel',
        '--proxy',
        `http://127.0.0.1:${beside.port('weft', 'echoes')}`,
        'http://anything.example:80/greet',
      ]);
      expect(out).toBe('hello /greet');
    });
  });

  describeWith(['python3'], 'Python', () => {
    test('goes through CONNECT, and upgrades by itself', async () => {
      const script = [
        'import http.client, socket',
        `c = http.client.HTTPConnection("127.0.0.1", ${beside.port('weft', 'echoes')})`,
        'c.set_tunnel("anything.example", 80)',
        'c.request("GET", "/python")',
        'print(c.getresponse().read().decode())',
        `s = socket.create_connection(("127.0.0.1", ${beside.port('weft', 'allowed')}))`,
        `s.sendall(${JSON.stringify(ask('/'))}.encode())`,
        'print(s.recv(4096).split(b"\\r\\n")[0].decode())',
        's.sendall(bytes([0x81, 0x82, 0, 0, 0, 0]) + b"hi")',
        'print(s.recv(4096)[2:].decode())',
      ];
      const { out } = await run(['python3', '-c', script.join('\n')]);
      expect(out.split('\n').slice(0, 3)).toEqual([
        'hello /python',
        'HTTP/1.1 101 Switching Protocols',
        'hi',
      ]);
    });
  });

  describeWith(['nginx'], 'nginx', () => {
    let nginx: Program;
    let behind: Sides;

    beforeAll(async () => {
      const port = freePort();
      nginx = await startNginx(port, echo.port ?? 0);
      behind = await startSides(
        {
          nginx: {
            upgrade_configs: [{ upgrade_type: 'websocket' }],
            route_config: routesOf({ match: { prefix: '/' }, route: { cluster: 'nginx' } }),
          },
        },
        [clusterAt('nginx', port)],
      );
    });

    afterAll(async () => {
      await behind.stop();
      await nginx.stop();
    });

    test('passes it on', async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${behind.port('weft', 'nginx')}/`);
      const answer = await new Promise((resolve) => {
        socket.onopen = () => socket.send('through two');
        socket.onmessage = ({ data }) => resolve(data);
      });
      expect(answer).toBe('through two');
      socket.close();
    });
  });
});

function startEcho(): Bun.Server<undefined> {
  return Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request, server) {
      const chosen = request.headers.get('sec-websocket-protocol');
      const headers = chosen === null ? {} : { 'sec-websocket-protocol': chosen };
      if (server.upgrade(request, { headers })) return undefined;
      return new Response(`hello ${new URL(request.url).pathname}`);
    },
    websocket: {
      maxPayloadLength: 16 * 1024 * 1024,
      message(socket, text) {
        socket.send(text);
      },
    },
  });
}

async function startNginx(port: number, to: number): Promise<Program> {
  return startProgram({
    command(folder) {
      const config = `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/log;
        events {} http { access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p;
        fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
        server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection; } } }`;
      const path = join(folder, 'nginx.conf');
      writeFileSync(path, config);
      return ['nginx', '-c', path, '-e', join(folder, 'log')];
    },
    ready: async () => (await fetch(`http://127.0.0.1:${port}/`)).ok,
  });
}
