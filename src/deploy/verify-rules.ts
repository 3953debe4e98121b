// Whether a network's rules lead connections to its proxy, learnt without rights: the rules take one address, to which
// nothing listens, to where the proxy would be.

import { connect, createServer } from 'node:net';
import { meshPorts } from './limits.ts';
import { markAddress } from './redirect.ts';

const connectMs = 1000;

/** Listens in the proxy's place meanwhile; false too where that is taken. */
export async function isRedirected(): Promise<boolean> {
  const { promise: arrived, resolve } = Promise.withResolvers<boolean>();
  const server = createServer((socket) => {
    socket.destroy();
    resolve(true);
  });
  server.on('error', () => resolve(false));
  server.listen(meshPorts.outbound, '127.0.0.1', () => {
    const client = connect({ host: markAddress, port: meshPorts.outbound, timeout: connectMs });
    // An end that the server made comes after it was seen there.
    for (const event of ['error', 'timeout', 'close'])
      client.on(event, () => {
        client.destroy();
        setImmediate(() => resolve(false));
      });
  });
  const redirected = await arrived;
  await new Promise<void>((closed) => server.close(() => closed()));
  return redirected;
}
