import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { describeWith, freePort, type Program, run, startProgram } from '../testing/programs.ts';
import { clusterConfig, http2Settings, httpOptions, ip, listenerConfig } from './testing/configs.ts';
import { RealWorld } from './testing/real.ts';
import { expectBooksBalance } from './testing/world.ts';

// On a busy machine a load of 10,000 requests takes its time, and so does a turn that opens a connection.
setDefaultTimeout(60_000);
const connectTimeoutMs = 10_000;

/** A world whose clients may speak either version and whose one upstream speaks HTTP/2, or with `http1` HTTP/1.1. */
function start(port: number, options: { protocol?: 'auto' | 'http2'; http1?: boolean } = {}): RealWorld {
  const world = new RealWorld();
  const { protocol = 'auto', http1 = false } = options;
  world.serve([port], {
    listeners: [listenerConfig({ address: ip(0), http: httpOptions({ protocol }) })],
    clusters: [clusterConfig({ http2: http1 ? null : http2Settings, connectTimeoutMs })],
  });
  return world;
}

describeWith(['nghttpd', 'curl', 'nghttp', 'h2load'], 'nghttp2 on both sides', () => {
  let world: RealWorld;
  let server: Program;

  beforeEach(async () => {
    const port = freePort();
    server = await startProgram({
      command(folder) {
        Bun.spawnSync([
          'sh',
          '-c',
          `printf hello > ${folder}/a; head -c 3000000 /dev/zero > ${folder}/large`,
        ]);
        return ['nghttpd', '--no-tls', '--echo-upload', '-d', folder, `${port}`];
      },
      ready: async () => (await run(['nghttp', '-n', `http://127.0.0.1:${port}/a`])).code === 0,
    });
    world = start(port);
  });

  afterEach(async () => {
    await world.stop();
    await server.stop();
  });

  for (const version of ['--http2-prior-knowledge', '--http1.1']) {
    test(`curl ${version}: small, large, uploaded, missing`, async () => {
      const curl = ['curl', '-s', '-m', '30', version, '-H', 'host: ledger'];
      expect((await run([...curl, `${world.url}/a`])).out).toBe('hello');
      expect((await run([...curl, `${world.url}/large`])).out.length).toBe(3_000_000);
      const body = 'b'.repeat(1_000_000);
      expect(
        (await run([...curl, '-H', 'expect:', '--data-binary', '@-', `${world.url}/echo`], body)).out.length,
      ).toBe(1_000_000);
      expect((await run([...curl, '-o', '/dev/null', '-w', '%{http_code}', `${world.url}/none`])).out).toBe(
        '404',
      );
      expectBooksBalance(world.plane);
    });
  }

  test('h2load: 10,000 requests on 4 connections, 25 streams each, over few connections behind', async () => {
    const load = [
      'h2load',
      '-c',
      '4',
      '-m',
      '25',
      '-n',
      '10000',
      '-H',
      ':authority: ledger',
      `${world.url}/a`,
    ];
    const { out } = await run(load);
    // The whole of it, so that a failure says of what kind it was.
    expect(out).toContain('10000 succeeded, 0 failed, 0 errored, 0 timeout');
    expect(out).toContain('status codes: 10000 2xx, 0 3xx, 0 4xx, 0 5xx');
    expect(world.plane.clusters.get('ledger')!.stats.connectionsTotal).toBeLessThan(5);
    expectBooksBalance(world.plane);
  });
});

describeWith(['h2spec'], 'h2spec --strict', () => {
  test('generic, http2 and hpack pass whole', async () => {
    const world = new RealWorld();
    // One of its cases wants a body of some length; an answer that is on its way when it commits its fault would be
    // taken for the answer to that.
    const origin = world.origin(
      (connection) => void setTimeout(() => connection.reply(200, 'hello world'), 50),
    );
    world.serve([origin.port], {
      listeners: [listenerConfig({ address: ip(0), http: httpOptions({ protocol: 'http2' }) })],
    });
    const address = world.address;
    const port = address.kind === 'ip' ? address.port : 0;
    const { out } = await run(['h2spec', '-h', '127.0.0.1', '-p', `${port}`, '--strict', '-o', '2']);
    expect(out).toMatch(/\d+ tests, \d+ passed, 0 skipped, 0 failed/);
    await world.stop();
  }, 60_000);
});

describeWith([], 'the runtime’s HTTP/2 client', () => {
  test('20 requests at once', async () => {
    const world = new RealWorld();
    const origin = world.origin();
    world.serve([origin.port]);
    const client = connect(world.url);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => ask(client, { ':path': `/${index}`, ':authority': 'ledger' })),
    );
    expect(answers.map((headers) => Number(headers[':status']))).toEqual(
      Array.from({ length: 20 }, () => 200),
    );
    client.close();
    await world.stop();
  });
});

function ask(
  client: ReturnType<typeof connect>,
  headers: Record<string, string>,
): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    const stream = client.request(headers);
    let answer: IncomingHttpHeaders = {};
    stream.on('response', (received) => {
      answer = received;
    });
    stream.on('error', reject);
    stream.on('end', () => resolve(answer));
    stream.resume();
    stream.end();
  });
}
