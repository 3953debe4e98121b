// An endpoint whose answers begin and do not end: `bun bench/peers/streams.ts PORT`. What is asked for under /accounts/
// is answered whole, so that it can be told whether a proxy serves.

import { createBunNetwork, createSystemClock } from '../../src/net/index.ts';
import { Http2Origin } from '../../src/proxy/testing/http2-peers.ts';
import { createResponseHead } from '../../src/wire/index.ts';

const address = { kind: 'ip', host: '127.0.0.1', port: Number(process.argv[2]) } as const;
const origin = new Http2Origin(createBunNetwork(), address, createSystemClock());
origin.onHead = (asked) => {
  origin.asked.length = 0;
  if (asked.head.path.startsWith('/accounts/')) return;
  asked.stream.sendResponse(createResponseHead(200, [['content-type', 'application/grpc']]), false);
  asked.send('x'.repeat(100));
};
