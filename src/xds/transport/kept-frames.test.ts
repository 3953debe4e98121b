// The kept corpus of gRPC's length-prefixed messages, as src/wire/kept-bytes.test.ts for what they travel in.

import { gunzip } from '../../net/index.ts';
import { playKept } from '../../testing/kept-bytes.ts';
import { FrameError, FrameParser } from './grpc-framing.ts';
import messages from './testdata/messages.json';

const bytesMax = 1000;

playKept(messages, (pieces) => {
  const parser = new FrameParser(bytesMax);
  parser.decompress = gunzip;
  const told: string[] = [];
  try {
    for (const piece of pieces)
      parser.push(piece, (message) => told.push(Buffer.from(message).toString('hex').slice(0, 100)));
  } catch (error) {
    // What follows the colon is the runtime's.
    return [...told, `refused: ${error instanceof FrameError ? error.message.split(':')[0] : error}`];
  }
  return [...told, `${parser.held} held`];
});
