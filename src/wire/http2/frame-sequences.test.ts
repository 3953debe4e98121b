// The kept corpus of frame sequences: one for each way in which our server and nghttp2's were seen to take one, the
// shortest of 60,000 (frame-sequences.peer.test.ts finds new ones). However the bytes are cut, the outcome is the same.

import { expect, test } from 'bun:test';
import { cutsOf } from '../../testing/kept-bytes.ts';
import { preface } from './test-frames.ts';
import corpus from './testdata/frame-sequences.json';
import { playSequence } from './testing/frame-sequences.ts';

for (const { frames, ended, reset, said } of corpus) {
  const bytes = Buffer.from(frames, 'hex');
  test(`${said === '' ? `resets ${reset.join() || 'nothing'}` : said}: ${frames.slice(18, 58)}`, () => {
    const expected = { ended, reset, said };
    for (const pieces of cutsOf(bytes)) expect(playSequence([preface, ...pieces])).toMatchObject(expected);
  });
}
