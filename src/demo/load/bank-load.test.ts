import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createServer } from 'node:net';
import { BankLoad, runBankLoad } from './bank-load.ts';
import type { LoadConfig, LoadEvent } from './protocol.ts';

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly key: string | null;
  readonly body: string;
}

let server: Bun.Server<undefined>;
let seen: Seen[];
let status: (request: Seen) => number;
let events: LoadEvent[];

beforeEach(() => {
  seen = [];
  events = [];
  status = () => 200;
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const one = {
        method: request.method,
        path: new URL(request.url).pathname,
        key: request.headers.get('idempotency-key'),
        body: await request.text(),
      };
      seen.push(one);
      return Response.json({}, { status: status(one) });
    },
  });
});

afterEach(async () => {
  await server.stop(true);
});

function config(): LoadConfig {
  return {
    url: `http://127.0.0.1:${server.port}`,
    ratePerSecond: 1000,
    transferShare: 0.35,
    run: 'r',
    customers: 200,
  };
}

/** Runs a load until `count` requests arrived, then stops it and waits for its end. */
async function runFor(count: number, during: (load: BankLoad) => void = () => {}): Promise<void> {
  const load = new BankLoad(config(), (event) => events.push(event));
  const running = load.run();
  let asked = false;
  while (seen.length < count) {
    if (!asked && seen.length >= count / 2) {
      asked = true;
      during(load);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  load.stop();
  await running;
}

function eventsOf<T extends LoadEvent['type']>(type: T): Extract<LoadEvent, { type: T }>[] {
  return events.filter((event): event is Extract<LoadEvent, { type: T }> => event.type === type);
}

describe('BankLoad', () => {
  test('at least 30 % of its requests move money, each under a key of its own, and are reported when acknowledged', async () => {
    await runFor(100);
    const transfers = seen.filter(({ method }) => method === 'POST');
    expect(transfers.length / seen.length).toBeGreaterThan(0.3);
    expect(new Set(transfers.map(({ key }) => key)).size).toBe(transfers.length);
    for (const { key, body, path } of transfers) {
      const order = JSON.parse(body);
      expect([path, order.reference]).toEqual(['/transfers', key]);
      expect(order.from).not.toBe(order.to);
      expect([order.from, order.to].every((account) => account >= 0 && account < 400)).toBe(true);
    }
    const acknowledged = eventsOf('acknowledged').map(({ transfer }) => transfer.reference);
    expect(acknowledged.toSorted()).toEqual(transfers.map(({ key }) => key ?? '').toSorted());
    expect(eventsOf('done')).toEqual([{ type: 'done', total: { requests: seen.length, failed: 0 } }]);
  });

  test('counts what failed, says why, and takes no answer but 2xx for a promise', async () => {
    status = ({ method }) => (method === 'POST' ? 503 : 200);
    await runFor(40);
    const transfers = seen.filter(({ method }) => method === 'POST').length;
    expect(eventsOf('acknowledged')).toEqual([]);
    expect(eventsOf('failure')).toHaveLength(transfers);
    expect(eventsOf('failure')[0]).toMatchObject({ phase: 'start', kind: 'transfer', reason: '503 {}' });
    expect(eventsOf('done')[0]?.total).toEqual({ requests: seen.length, failed: transfers });
  });

  test('a request belongs to the phase in which it was due; the phases add up', async () => {
    await runFor(60, (load) => load.enter('second'));
    const phases = eventsOf('phase');
    expect(phases.map(({ name }) => name).toSorted()).toEqual(['second', 'start']);
    expect(phases.every(({ requests }) => requests > 0)).toBe(true);
    expect(phases.reduce((sum, { requests }) => sum + requests, 0)).toBe(seen.length);
  });
});

test('runBankLoad obeys the lines of its input', async () => {
  async function* commands() {
    yield JSON.stringify({ type: 'start', config: config() });
    while (seen.length < 5) await new Promise((resolve) => setImmediate(resolve));
    yield JSON.stringify({ type: 'phase', name: 'later' });
    yield JSON.stringify({ type: 'stop' });
    while (eventsOf('done').length === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await runBankLoad(commands(), (line) => events.push(JSON.parse(line)));
  // A phase is reported when its last request has ended, which need not be in order.
  expect(
    eventsOf('phase')
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(['later', 'start']);
});

describe('a page whose connection is ended without an answer', () => {
  /** Ends the first connections that ask for one page; `served`: how many answers the first of them must have had. */
  async function runCutting(cuts: number, served: number) {
    const paths: string[] = [];
    let cut = '';
    const server = createServer((socket) => {
      let answers = 0;
      socket.on('error', () => {});
      socket.on('data', (data) => {
        for (const [, path = ''] of data.toString('latin1').matchAll(/^GET (\S+)/gm)) {
          paths.push(path);
          if (cut === '' && answers >= served) cut = path;
          if (path === cut && paths.filter((one) => one === path).length <= cuts) socket.end();
          else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
          answers += 1;
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const url = `http://127.0.0.1:${port}`;
    const slow = { ...config(), url, ratePerSecond: 100, transferShare: 0, repeatsPages: true } as const;
    const load = new BankLoad(slow, (event) => events.push(event));
    const running = load.run();
    const isOver = () => cut !== '' && paths.length > paths.lastIndexOf(cut) + 5;
    while (!isOver()) await new Promise((resolve) => setImmediate(resolve));
    load.stop();
    await running;
    server.close();
    const done = events.at(-1);
    return {
      asked: paths.filter((path) => path === cut).length,
      repeated: events.filter(({ type }) => type === 'repeated').length,
      failed: done?.type === 'done' ? done.total.failed : -1,
    };
  }

  test('that had carried others: it is asked for again', async () => {
    expect(await runCutting(1, 1)).toEqual({ asked: 2, repeated: 1, failed: 0 });
  });

  test('twice: it failed', async () => {
    expect(await runCutting(2, 1)).toEqual({ asked: 2, repeated: 1, failed: 1 });
  });

  test('that was new: it failed', async () => {
    expect(await runCutting(1, 0)).toEqual({ asked: 1, repeated: 0, failed: 1 });
  });
});
