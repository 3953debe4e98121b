import { afterAll, expect, test } from 'bun:test';
import { describeWith } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import { type ClientHelloResult, parseClientHello } from './index.ts';

/** Judges the first bytes of each connection, then hangs up. */
const seen: ClientHelloResult[] = [];
const listener = Bun.listen<Buffer>({
  hostname: '127.0.0.1',
  port: 0,
  socket: {
    open(socket) {
      socket.data = Buffer.alloc(0);
    },
    data(socket, bytes) {
      socket.data = Buffer.concat([socket.data, bytes]);
      const result = parseClientHello(socket.data);
      if (result.kind === 'more') return;
      seen.push(result);
      socket.terminate();
    },
  },
});
afterAll(() => listener.stop(true));

async function judge(command: readonly string[]): Promise<ClientHelloResult> {
  seen.length = 0;
  const child = Bun.spawn([...command], { stdio: ['ignore', 'ignore', 'ignore'] });
  await until(`${command[0]} says hello`, () => seen.length > 0);
  child.kill();
  await child.exited;
  return seen[0]!;
}

const at = `127.0.0.1:${listener.port}`;
const both = ['TLSv1.3', 'TLSv1.2'] as const;

describeWith(['openssl', 'curl', 'python3', 'node'], 'the first message of TLS clients', () => {
  test('openssl', async () => {
    const command = [
      'openssl',
      's_client',
      '-connect',
      at,
      '-servername',
      'Ledger.example',
      '-alpn',
      'h2,http/1.1',
      '-tls1_3',
    ];
    const hello = {
      serverName: 'ledger.example',
      alpn: ['h2', 'http/1.1'],
      versions: ['TLSv1.3'],
      ecdsa: true,
    };
    expect(await judge(command)).toMatchObject({ kind: 'hello', hello });
    const noName = await judge(['openssl', 's_client', '-connect', at, '-noservername', '-tls1_2']);
    expect(noName).toMatchObject({
      kind: 'hello',
      hello: { serverName: null, alpn: [], versions: ['TLSv1.2', 'TLSv1.1', 'TLSv1'], ecdsa: true },
    });
  });

  test('curl', async () => {
    const url = `https://bank.example:${listener.port}/`;
    const result = await judge(['curl', '-sk', '--resolve', `bank.example:${listener.port}:127.0.0.1`, url]);
    expect(result.kind === 'hello' && result.hello.serverName).toBe('bank.example');
    expect(result.kind === 'hello' && result.hello.alpn).toContain('http/1.1');
  });

  test('python', async () => {
    const script = `import socket, ssl
c = ssl._create_unverified_context(); c.set_alpn_protocols(['spdy/1'])
c.wrap_socket(socket.create_connection(('127.0.0.1', ${listener.port})), server_hostname='py.example')`;
    const hello = { serverName: 'py.example', alpn: ['spdy/1'], versions: both, ecdsa: true };
    expect(await judge(['python3', '-c', script])).toMatchObject({ kind: 'hello', hello });
  });

  test('node', async () => {
    const script = `require('tls').connect({port:${listener.port},host:'127.0.0.1',servername:'node.example',ALPNProtocols:['h2']}).on('error',()=>{})`;
    const hello = { serverName: 'node.example', alpn: ['h2'], versions: both, ecdsa: true };
    expect(await judge(['node', '-e', script])).toMatchObject({ kind: 'hello', hello });
  });

  test('plain HTTP is none', async () => {
    expect(await judge(['curl', '-s', `http://${at}/`])).toEqual({ kind: 'none' });
  });
});
