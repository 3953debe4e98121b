// Field lines against nghttp2, as Node has it: over one connection each reads what the other wrote, with tables that
// fill and are emptied. Our client sends random lines; Node says in the body what it read, and sends them back.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { createBunNetwork, createSystemClock } from '../net/index.ts';
import { describeWith, freePort, startProgram } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { ip } from './testing/configs.ts';
import type { HttpCall } from './testing/http-ends.ts';
import { Http2Client } from './testing/http2-peers.ts';

setDefaultTimeout(60_000);

const serverText = `
const http2 = require('node:http2');
const server = http2.createServer({ settings: { headerTableSize: Number(process.argv[3]) } });
server.on('stream', (stream, headers, flags, raw) => {
  const own = {};
  for (let at = 0; at < raw.length; at += 2)
    if (raw[at].startsWith('x-')) own[raw[at]] = [...(own[raw[at]] ?? []), raw[at + 1]];
  stream.respond({ ':status': 200, ...own });
  stream.end(Buffer.from(JSON.stringify(raw), 'latin1'));
});
server.listen(Number(process.argv[2]), '127.0.0.1');
`;

const name = fc.oneof(
  fc.constantFrom('x-a', 'x-b', 'x-long-name-that-comes-again'),
  fc.stringMatching(/^x-[a-z0-9][a-z0-9-]{0,20}$/),
);
const value = fc.oneof(
  fc.constantFrom('', '1', 'application/grpc', 'a'.repeat(300)),
  fc.stringMatching(/^[!-~\u0080-\u00ff]([ -~\u0080-\u00ff]{0,60}[!-~\u0080-\u00ff])?$/),
);
const lines = fc.array(fc.tuple(name, value), { maxLength: 12 });

/** By name: lines of different names may change places. */
function grouped(
  fields: readonly (readonly [string, string])[],
): Readonly<Record<string, readonly string[]>> {
  const groups: Record<string, string[]> = {};
  for (const [key, text] of fields) if (key.startsWith('x-')) groups[key] = [...(groups[key] ?? []), text];
  return groups;
}

function received({ head }: HttpCall): (readonly [string, string])[] {
  return Array.from({ length: head!.count }, (_, at) => [head!.nameAt(at), head!.valueAt(at)] as const);
}

describeWith(['node'], 'nghttp2 in Node', () => {
  for (const tableBytes of [0, 200, 4096, 65_536]) {
    test(`reads and writes as we do, with a table of ${tableBytes} bytes`, async () => {
      const port = freePort();
      const server = await startProgram({
        command(folder) {
          writeFileSync(join(folder, 'server.cjs'), serverText);
          return ['node', join(folder, 'server.cjs'), `${port}`, `${tableBytes}`];
        },
        ready: async () => {
          const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } });
          socket.end();
          return true;
        },
      });
      const client = new Http2Client(createBunNetwork(), ip(port), createSystemClock());
      await until('the connection', () => client.capacity > 0);
      for (const fields of fc.sample(lines, { numRuns: 400, seed: 7541 + tableBytes })) {
        const call = client.request('GET', '/', fields);
        await until('the answer', () => call.ended || call.error !== null);
        expect(call.error).toBeNull();
        const raw = JSON.parse(call.body) as string[];
        const read = raw.flatMap((text, at) => (at % 2 === 0 ? [[text, raw[at + 1]!] as const] : []));
        expect(grouped(read)).toEqual(grouped(fields));
        expect(grouped(received(call))).toEqual(grouped(fields));
      }
      client.socket.reset();
      await server.stop();
    });
  }
});
