// A connection that was accepted only to be refused: nothing else tells its client at once.

import type { SocketHandler } from '../../net/index.ts';

export const rejected: SocketHandler = {
  onOpen: (socket) => socket.reset(),
  onData() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
};
