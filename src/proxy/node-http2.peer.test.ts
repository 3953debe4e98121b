// Node's HTTP/2 (nghttp2) on both sides: WebSocket over extended CONNECT, bodies and trailers, many at once, resets.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith, freePort, type Program, run, startProgram } from '../testing/programs.ts';
import { clusterConfig, http2Settings, httpOptions, ip, listenerConfig } from './testing/configs.ts';
import { RealWorld } from './testing/real.ts';
import { expectBooksBalance } from './testing/world.ts';

setDefaultTimeout(60_000);

const serverText = `
const http2 = require('node:http2');
const server = http2.createServer({ settings: { enableConnectProtocol: true } });
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  if (headers[':method'] === 'CONNECT') {
    stream.respond({ ':status': 200, 'x-protocol': headers[':protocol'] });
    stream.pipe(stream);
  } else if (headers[':path'] === '/reset') stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  else if (headers[':path'] === '/cut') {
    stream.respond({ ':status': 200 });
    stream.write('half');
    setTimeout(() => stream.destroy(new Error('cut')), 50);
  } else {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    let length = 0;
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-length': String(length) }));
    stream.on('data', (bytes) => { length += bytes.length; if (!stream.write(bytes)) { stream.pause(); stream.once('drain', () => stream.resume()); } });
    stream.on('end', () => stream.end());
  }
});
server.listen(Number(process.argv[2]), '127.0.0.1');
`;

const clientText = `
const http2 = require('node:http2');
const client = http2.connect('http://127.0.0.1:' + process.argv[1]);
const ask = (headers, body) => new Promise((resolve) => {
  const stream = client.request({ ':authority': 'ledger', ...headers });
  const answer = { status: 0, length: 0, trailers: {}, error: '' };
  stream.on('response', (head) => { answer.status = head[':status']; answer.head = head; });
  stream.on('trailers', (trailers) => { answer.trailers = trailers; });
  stream.on('data', (bytes) => { answer.length += bytes.length; answer.text = (answer.text ?? '') + bytes.toString('latin1').slice(0, 20); });
  stream.on('error', (error) => { answer.error = error.code; });
  stream.on('close', () => resolve(answer));
  if (body === undefined) stream.end(); else stream.end(body);
});
(async () => {
  await new Promise((resolve) => client.once('remoteSettings', resolve));
  console.log('announced', client.remoteSettings.enableConnectProtocol);
  const tunnel = client.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', ':authority': 'ledger', ':scheme': 'http' });
  const [head] = await new Promise((resolve) => tunnel.once('response', (head) => resolve([head])));
  let heard = '';
  tunnel.on('data', (bytes) => { heard += bytes; if (heard === 'one') tunnel.end('two'); });
  tunnel.write('one');
  await new Promise((resolve) => tunnel.once('close', resolve));
  console.log('tunnel', head[':status'], heard);
  const echo = await ask({ ':method': 'POST', ':path': '/echo' }, Buffer.alloc(3000000, 1));
  console.log('echo', echo.status, echo.length, echo.trailers['x-length']);
  const all = await Promise.all(Array.from({ length: 500 }, (_, i) => ask({ ':method': 'POST', ':path': '/echo' }, Buffer.alloc(i * 20, 1))));
  console.log('many', all.every((one, i) => one.status === 200 && one.length === i * 20));
  console.log('reset', (await ask({ ':path': '/reset' })).status);
  const cut = await ask({ ':path': '/cut' });
  console.log('cut', cut.text, cut.error !== '');
  const gone = client.request({ ':method': 'POST', ':path': '/echo', ':authority': 'ledger' });
  gone.on('error', () => {});
  gone.write('x');
  gone.close(http2.constants.NGHTTP2_CANCEL);
  console.log('still', (await ask({ ':path': '/echo' })).status);
  client.close();
})();
`;

describeWith(['node'], 'Node on both sides', () => {
  let server: Program;
  let world: RealWorld;

  beforeAll(async () => {
    const port = freePort();
    server = await startProgram({
      command(folder) {
        writeFileSync(join(folder, 'server.cjs'), serverText);
        return ['node', join(folder, 'server.cjs'), `${port}`];
      },
      ready: async () => {
        const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } });
        socket.end();
        return true;
      },
    });
    world = new RealWorld();
    const upgrades = new Map([['websocket', true]]);
    world.serve([port], {
      listeners: [listenerConfig({ address: ip(0), http: httpOptions({ upgrades }) })],
      clusters: [clusterConfig({ http2: http2Settings })],
    });
  });

  afterAll(async () => {
    await world.stop();
    await server.stop();
  });

  test('WebSocket as extended CONNECT, bodies, trailers, resets', async () => {
    const port = world.address.kind === 'ip' ? world.address.port : 0;
    const { out, err } = await run(['node', '-e', clientText, `${port}`]);
    expect(`${out}${err}`.trim().split('\n')).toEqual([
      'announced true',
      'tunnel 200 onetwo',
      'echo 200 3000000 3000000',
      'many true',
      'reset 503',
      'cut half true',
      'still 200',
    ]);
    expectBooksBalance(world.plane);
  });
});
