// Node's own parser as a second opinion: a node:http server reads every request of the case tables from a raw socket.
// What we accept it has to read alike, and what it refuses we refuse too; where the two differ on purpose the case is
// named here with its reason.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { describeWith } from '../../testing/programs.ts';
import { requestCases } from './server-cases.ts';

const script = `
const http = require('node:http');
const server = http.createServer((request, response) => {
  let body = '';
  request.setEncoding('latin1');
  request.on('data', (data) => { body += data; });
  request.on('end', () => response.end(JSON.stringify({ method: request.method, url: request.url, body })));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
`;

/** We accept, Node does not. */
const nodeStricter: ReadonlySet<string> = new Set([
  // Node serves the methods of a fixed list.
  'an unknown method',
  'methods are case-sensitive',
  // Node hands these to listeners of their own.
  'CONNECT',
  'CONNECT to an IPv6 literal',
  'CONNECT in HTTP/1.0',
  // White space around the semicolon is BWS of the grammar, which llhttp refuses.
  'extensions',
]);

/** Node ignores upgrades that nobody listens for, and takes their bytes for another request. */
const nodeDiffers: ReadonlySet<string> = new Set(['an upgrade']);

interface NodeAnswer {
  readonly status: number;
  readonly told: { method: string; url: string; body: string } | null;
}

function askNode(port: number, raw: string): Promise<NodeAnswer> {
  return new Promise((resolve, reject) => {
    let text = '';
    Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open(socket) {
          socket.write(Buffer.from(raw, 'latin1'));
          socket.flush();
          socket.shutdown();
        },
        data(_socket, data) {
          text += data.toString('latin1');
        },
        close() {
          resolve(parseAnswer(text));
        },
        error(_socket, error) {
          reject(error);
        },
      },
      allowHalfOpen: true,
    }).catch(reject);
  });
}

function parseAnswer(text: string): NodeAnswer {
  const status = Number(text.slice(9, 12));
  const json = /\{.*\}/s.exec(text);
  return { status, told: status === 200 && json !== null ? JSON.parse(json[0]) : null };
}

describeWith(['node'], 'node:http', () => {
  let port = 0;
  let child: Bun.Subprocess<'pipe', 'pipe', 'inherit'> | null = null;

  beforeAll(async () => {
    child = Bun.spawn(['node', '-e', script], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    });
    const { value } = await child.stdout.getReader().read();
    port = Number(new TextDecoder().decode(value));
  });

  afterAll(() => {
    child?.kill();
  });

  for (const { name, raw, events } of requestCases) {
    const accepted = !events.some((event) => event.startsWith('refused'));
    if (!accepted || nodeStricter.has(name) || nodeDiffers.has(name)) continue;
    test(name, async () => {
      const answer = await askNode(port, raw);
      const first = events[0]!.split(' ');
      const body = events.find((event) => event.startsWith('body '))?.slice(5) ?? '';
      expect(answer.told).toEqual({ method: first[1]!, url: raw.trimStart().split(' ')[1]!, body });
    });
  }

  test('what Node refuses, we refuse', async () => {
    const answers = await Promise.all(
      requestCases.map(async ({ name, raw, events }) => {
        const answer = await askNode(port, raw);
        const accepted = !events.some((event) => event.startsWith('refused'));
        return answer.told === null && accepted ? name : null;
      }),
    );
    expect(answers.filter((name) => name !== null).sort()).toEqual([...nodeStricter].sort());
  });
});
