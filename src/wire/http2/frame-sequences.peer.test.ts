// Whole sequences of frames beside other servers: libnghttp2 in this process, Node's http2 behind a socket. Whether the
// connection ended and which streams were reset is the same, but for the differences that `known` has a reason for.
// `WEFT_SEED` and `WEFT_CASES` play others.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { askNghttp2, hasNghttp2 } from '../../testing/nghttp2.ts';
import { describeWith } from '../../testing/programs.ts';
import { concat } from './test-frames.ts';
import { frameSequence, marker, type Outcome, playSequence, readOutcome } from './testing/frame-sequences.ts';

setDefaultTimeout(120_000);

const casesCount = Number(process.env['WEFT_CASES'] ?? 2000);
const seed = Number(process.env['WEFT_SEED'] ?? 20_261_127);
const sequences = fc.sample(frameSequence, { numRuns: casesCount, seed });

interface Difference {
  readonly why: string;
  holds(ours: Outcome, theirs: Outcome): boolean;
}

/** In each of these RFC 9113 asks for what we do, or allows it. */
const known: readonly Difference[] = [
  {
    why: '5.1.1: a lower stream id is an error of the connection; nghttp2 reads on',
    holds: ({ said }, { ended }) => !ended && said === 'a stream id is lower than one used before',
  },
  {
    why: '6.1, 6.2: too much padding is one too; nghttp2 does not look at what it ignores',
    holds: ({ said }, { ended }) => !ended && said === 'padding is longer than its frame',
  },
  {
    why: '7540 5.3.1: HEADERS that depend on themselves; nghttp2 ignores it there',
    holds: ({ said }, { ended }) => !ended && said === 'a stream depends on itself',
  },
  {
    why: '7540 5.3.1, 9113 6.3: a wrong PRIORITY ends its stream; nghttp2 ends the connection',
    holds: ({ ended }, { said }) => !ended && (said === '' || said === 'depend on itself'),
  },
  {
    why: '5.1: what comes for a stream that we reset was on its way; to nghttp2 it is an error',
    holds: ({ ended, reset }, { said }) =>
      !ended && reset.length > 0 && /^(HEADERS|DATA): stream closed$/.test(said),
  },
  {
    why: '5.1: frames behind END_STREAM end the stream; nghttp2 ends the connection',
    holds: ({ ended, reset }, { said }) =>
      !ended && reset.length > 0 && said === 'DATA: stream in half-closed(remote)',
  },
  {
    why: '6.9: a WINDOW_UPDATE of nothing ends its stream; nghttp2 ends the connection',
    holds: ({ ended, reset }, { said }) =>
      !ended && reset.length > 0 && said === 'WINDOW_UPDATE: window_size_increment == 0',
  },
  {
    why: '6.5.3: nothing is said of an ACK too many; nghttp2 ends the connection',
    holds: ({ ended }, { said }) => !ended && said === 'SETTINGS: unexpected ACK',
  },
  {
    why: '10.5: one of our limits by its name',
    holds: ({ said }, { ended }) => !ended && /^more .* than \w+Max$/.test(said),
  },
  {
    why: '5.1: DATA for a stream that was passed over is answered; nghttp2 ignores it',
    holds: (ours, theirs) =>
      !ours.ended &&
      !theirs.ended &&
      Bun.deepEquals(
        ours.reset.filter((id) => !ours.closed.includes(id) || theirs.reset.includes(id)),
        theirs.reset,
      ),
  },
];

function differs(sequence: Uint8Array, theirs: Outcome): readonly object[] {
  const ours = playSequence([sequence]);
  if (ours.ended && theirs.ended) return [];
  if (ours.ended === theirs.ended && Bun.deepEquals(ours.reset, theirs.reset)) return [];
  if (known.some((one) => one.holds(ours, theirs))) return [];
  return [{ frames: Buffer.from(sequence).toString('hex').slice(48), ours, theirs }];
}

describeWith(hasNghttp2 ? [] : ['libnghttp2'], 'frames beside libnghttp2', () => {
  test(`${casesCount} sequences, seed ${seed}`, () => {
    const differing = sequences.flatMap((one) => differs(one, readOutcome(askNghttp2(concat(one, marker)))));
    expect(differing.slice(0, 3)).toEqual([]);
  });
});

const serverText = `
const http2 = require('node:http2');
const server = http2.createServer();
server.on('stream', (stream) => stream.on('error', () => {}));
server.on('sessionError', () => {});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

/** What a server on the port writes until it has answered the marker or is gone. */
async function askPort(port: number, bytes: Uint8Array): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  await new Promise<void>((resolve) => {
    void Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open(socket) {
          socket.write(bytes);
        },
        data(socket, piece) {
          pieces.push(piece.slice());
          if (!readOutcome(Buffer.concat(pieces)).whole) return;
          socket.end();
          resolve();
        },
        close: () => resolve(),
      },
    });
  });
  return Buffer.concat(pieces);
}

describeWith(['node'], 'frames beside Node', () => {
  const some = sequences.slice(0, 500);
  let child: Bun.Subprocess<'ignore', 'pipe', 'inherit'>;
  let port = 0;
  beforeAll(async () => {
    child = Bun.spawn(['node', '-e', serverText], { stdio: ['ignore', 'pipe', 'inherit'] });
    const { value } = await child.stdout.getReader().read();
    port = Number(new TextDecoder().decode(value));
  });
  afterAll(() => child.kill('SIGKILL'));

  test(`${some.length} sequences, seed ${seed}`, async () => {
    const differing: object[] = [];
    for (const one of some)
      differing.push(...differs(one, readOutcome(await askPort(port, concat(one, marker)))));
    expect(differing.slice(0, 3)).toEqual([]);
  });
});
