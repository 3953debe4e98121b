// A gRPC server and client on grpc-js under Node, for src/proxy/grpc-js.peer.test.ts. Messages are bytes, so that nothing
// has to be generated. `node grpc-js.mjs serve PORT` prints "ready"; `node grpc-js.mjs call PORT` a line a kind of call.
// Behind PORT: a folder of ca.pem, cert.pem and key.pem, and the port at which all is done again over mutual TLS, with
// less of what takes long.

import { readFileSync } from 'node:fs';
import { Client, credentials, Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';

const same = (bytes) => bytes;
const service = 'bank.Ledger';
const [, , mode, port, folder, securePort] = process.argv;
const anySize = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };
const pathOf = (name) => `/${service}/${name}`;

function method(name, requestStream, responseStream) {
  const codec = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  return { path: pathOf(name), requestStream, responseStream, ...codec };
}

let cancelled = 0;

/** What came in the head goes back in the trailers. */
function echoed({ metadata }) {
  const trailers = new Metadata();
  for (const name of ['x-echo', 'x-echo-bin'])
    for (const value of metadata.get(name)) trailers.add(name, value);
  return trailers;
}

const handlers = {
  Echo: (call, done) => done(null, call.request, echoed(call)),
  Fail: (_call, done) => done({ code: status.FAILED_PRECONDITION, details: 'no: 100 % ✓' }),
  Slow: (call) => call.on('cancelled', () => cancelled++),
  Cancelled: (_call, done) => done(null, Buffer.from(`${cancelled}`)),
  Down: (call) => {
    for (let index = 0; index < Number(call.request); index++) call.write(Buffer.from(`${index}`));
    call.end();
  },
  Up: (call, done) => {
    let total = 0;
    call.on('data', (bytes) => {
      total += bytes.length;
    });
    call.on('end', () => done(null, Buffer.from(`${total}`)));
  },
  Both: (call) => {
    call.on('data', (bytes) => call.write(bytes));
    call.on('end', () => call.end());
  },
};

const file = (name) => readFileSync(`${folder}/${name}.pem`);
const keyPair = () => ({ private_key: file('key'), cert_chain: file('cert') });

async function serve() {
  const server = new Server(anySize);
  const streaming = { Down: [false, true], Up: [true, false], Both: [true, true] };
  const methods = Object.keys(handlers).map((name) => [
    name,
    method(name, ...(streaming[name] ?? [false, false])),
  ]);
  server.addService(Object.fromEntries(methods), handlers);
  await bind(server, port, ServerCredentials.createInsecure());
  if (folder !== undefined)
    await bind(server, securePort, ServerCredentials.createSsl(file('ca'), [keyPair()], true));
  console.log('ready');
}

function bind(server, port, bound) {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, bound, (error) => (error === null ? resolve() : reject(error)));
  });
}

const inTime = (ms = 60_000) => ({ deadline: Date.now() + ms });

async function call() {
  await callAll(port, credentials.createInsecure(), { large: 100_000_000, streams: 10_000 });
  if (folder === undefined) return;
  const secure = credentials.createSsl(file('ca'), file('key'), file('cert'));
  await callAll(securePort, secure, { large: 1_000_000, streams: 1000 });
}

async function callAll(port, channel, { large, streams }) {
  const names = { 'grpc.default_authority': 'ledger', 'grpc.ssl_target_name_override': 'ledger' };
  const client = new Client(`127.0.0.1:${port}`, channel, { ...anySize, ...names });
  const unary = (name, bytes, options = inTime(), metadata = new Metadata()) =>
    new Promise((resolve) => {
      const made = client.makeUnaryRequest(
        pathOf(name),
        same,
        same,
        bytes,
        metadata,
        options,
        (error, answer) => {
          // The status is told behind the answer.
          setImmediate(() => resolve({ error, answer, trailers }));
        },
      );
      let trailers = null;
      made.on('status', (said) => {
        trailers = said.metadata;
      });
    });
  const small = Buffer.from('hello');
  console.log('unary', (await unary('Echo', small)).answer.toString());
  console.log('large', (await unary('Echo', Buffer.alloc(large))).answer.length);
  console.log(
    'down',
    await messagesOf(
      client.makeServerStreamRequest(
        pathOf('Down'),
        same,
        same,
        Buffer.from('1000'),
        new Metadata(),
        inTime(),
      ),
    ),
  );
  console.log('up', await up(client));
  console.log('both', await both(client, 500));
  const { error } = await unary('Fail', small);
  console.log('fail', error.code, error.details);
  const heard = await cancelledCalls(unary);
  console.log('deadline', (await unary('Slow', small, inTime(300))).error.code);
  await cancel(client, unary, heard + 2);
  await echoMetadata(unary);
  console.log('unimplemented', (await unary('Nothing', small)).error.code);
  await together(client, streams);
  client.close();
}

async function messagesOf(call) {
  let count = 0;
  for await (const _ of call) count++;
  return count;
}

function up(client) {
  return new Promise((resolve) => {
    const call = client.makeClientStreamRequest(
      pathOf('Up'),
      same,
      same,
      new Metadata(),
      inTime(),
      (error, bytes) => resolve(error?.message ?? bytes.toString()),
    );
    for (let index = 0; index < 100; index++) call.write(Buffer.alloc(1000));
    call.end();
  });
}

async function both(client, count) {
  const call = client.makeBidiStreamRequest(pathOf('Both'), same, same, new Metadata(), inTime());
  for (let index = 0; index < count; index++) call.write(Buffer.from('m'));
  call.end();
  return await messagesOf(call);
}

async function cancelledCalls(unary) {
  return Number((await unary('Cancelled', Buffer.from('x'))).answer);
}

/** The server hears of it: of this one, and of the call whose deadline passed. */
async function cancel(client, unary, wanted) {
  const call = client.makeUnaryRequest(
    pathOf('Slow'),
    same,
    same,
    Buffer.from('x'),
    new Metadata(),
    inTime(),
    () => {},
  );
  await new Promise((done) => setTimeout(done, 200));
  call.cancel();
  for (let tries = 0; tries < 100; tries++) {
    if ((await cancelledCalls(unary)) === wanted) return console.log('cancel heard');
    await new Promise((done) => setTimeout(done, 50));
  }
  console.log('cancel not heard');
}

async function echoMetadata(unary) {
  const all = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  const metadata = new Metadata();
  metadata.add('x-echo', 'a value');
  metadata.add('x-echo-bin', all);
  const { trailers } = await unary('Echo', Buffer.from('x'), inTime(), metadata);
  console.log('metadata', trailers.get('x-echo')[0], all.equals(trailers.get('x-echo-bin')[0]));
}

/** So many streams, all open before the first one ends. */
async function together(client, streams) {
  const calls = Array.from({ length: streams }, () =>
    client.makeBidiStreamRequest(pathOf('Both'), same, same, new Metadata(), inTime(120_000)),
  );
  const answered = calls.map((call) => new Promise((done) => call.once('data', done).on('error', done)));
  const ended = calls.map((call) => new Promise((done) => call.on('status', done)));
  for (const call of calls) call.write(Buffer.from('m'));
  await Promise.all(answered);
  for (const call of calls) call.end();
  const statuses = await Promise.all(ended);
  const failed = statuses.find(({ code }) => code !== 0);
  console.log(
    'together',
    statuses.filter(({ code }) => code === 0).length,
    ...(failed ? [failed.details] : []),
  );
}

if (mode === 'serve') await serve();
else await call();
