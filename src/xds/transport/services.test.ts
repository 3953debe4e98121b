// What a caller who proves nothing may make the server hold: by the services beside discovery, on real sockets.

import { afterEach, describe, expect, test } from 'bun:test';
import { type ClientHttp2Session, connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { silentLog } from '../../base/index.ts';
import { createBunNetwork, createSystemClock, gunzip } from '../../net/index.ts';
import { until } from '../../testing/until.ts';
import { loadReportBytesMax, reflectionPendingBytesMax, serviceRequestBytesMax } from '../limits.ts';
import { AdsServer } from '../server/ads-server.ts';
import { LoadReports } from '../server/load-reports.ts';
import { TestSource } from '../testing/resources.ts';
import { encodeFrame } from './grpc-framing.ts';
import { serveGrpcAds } from './grpc-server.ts';
import { loadReportingPath } from './load-reporting.ts';

const paths = {
  reflection: '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  check: '/grpc.health.v1.Health/Check',
  watch: '/grpc.health.v1.Health/Watch',
} as const;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function open(
  settings: { initialWindowSize?: number } = {},
  loads: LoadReports | null = null,
): ClientHttp2Session {
  const clock = createSystemClock();
  const server = new AdsServer({ clock, log: silentLog, snapshotFor: () => new TestSource() });
  const address = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
  const listener = serveGrpcAds({
    ...{ server, network: createBunNetwork(), clock, address, gunzip },
    ...(loads === null ? {} : { loads }),
  });
  const port = listener.address.kind === 'ip' ? listener.address.port : 0;
  const session = connect(`http://127.0.0.1:${port}`, { settings });
  session.on('error', () => {});
  cleanups.push(
    () => session.destroy(),
    () => listener.close(50),
  );
  return session;
}

function call(session: ClientHttp2Session, path: string, encoding = 'identity') {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    'grpc-encoding': encoding,
  });
  const seen = { stream, status: '', message: '', answered: false };
  const note = (fields: Record<string, unknown>) => {
    seen.answered = true;
    seen.status = String(fields['grpc-status'] ?? seen.status);
    seen.message = decodeURIComponent(String(fields['grpc-message'] ?? seen.message));
  };
  stream.on('response', note);
  stream.on('trailers', note);
  stream.on('error', () => {});
  stream.resume();
  return seen;
}

function compressed(message: Uint8Array): Uint8Array {
  const frame = encodeFrame(gzipSync(message));
  frame[0] = 1;
  return frame;
}

describe('load reports', () => {
  test('are taken where somebody takes them in', async () => {
    const seen = call(open(), loadReportingPath);
    await until('the answer', () => seen.status !== '');
    expect([seen.status, seen.message]).toEqual(['12', `there is no method ${loadReportingPath}`]);
  });

  test('have a size', async () => {
    const loads = new LoadReports({ knows: () => true, hasEndpoints: () => true });
    const seen = call(open({}, loads), loadReportingPath);
    await until('it is open', () => loads.streamCount === 1);
    const frame = new Uint8Array(5);
    new DataView(frame.buffer).setUint32(1, loadReportBytesMax + 1);
    seen.stream.write(frame);
    await until('the end', () => seen.status !== '');
    expect([seen.status, loads.streamCount]).toEqual(['8', 0]);
  });
});

describe('one request of a service beside discovery', () => {
  test.each(Object.entries(paths))('%s: is small, also once it is opened', async (_name, path) => {
    const session = open();
    const plain = call(session, path);
    plain.stream.write(encodeFrame(new Uint8Array(serviceRequestBytesMax + 1)));
    const packed = call(session, path, 'gzip');
    packed.stream.write(compressed(new Uint8Array(serviceRequestBytesMax + 1)));
    await until('their ends', () => plain.status !== '' && packed.status !== '');
    expect([plain.status, packed.status]).toEqual(['8', '8']);
    expect(plain.message).toContain(`at most ${serviceRequestBytesMax}`);
    expect(packed.message).toContain('cannot be decompressed');
  });

  test('may be compressed', async () => {
    const seen = call(open(), paths.check, 'gzip');
    seen.stream.write(compressed(new Uint8Array()));
    await until('its end', () => seen.status !== '');
    expect(seen.status).toBe('0');
  });
});

test('questions that wait have a bound in bytes too', async () => {
  const session = open({ initialWindowSize: 0 });
  const seen = call(session, paths.reflection);
  await until('it is open', () => seen.answered);
  // A host of so many characters, and a question for the services.
  const size = 1_000;
  const question = new Uint8Array([
    10,
    (size & 127) | 128,
    size >> 7,
    ...new Uint8Array(size).fill(97),
    58,
    0,
  ]);
  const count = Math.ceil(reflectionPendingBytesMax / question.length) + 2;
  for (let one = 0; one < count; one++) seen.stream.write(encodeFrame(question));
  await new Promise((resolve) => session.ping(resolve));
  session.settings({ initialWindowSize: 1 << 20 });
  await until('its end', () => seen.status !== '');
  expect(seen.status).toBe('8');
  expect(seen.message).toContain(`more than ${reflectionPendingBytesMax} bytes`);
});
