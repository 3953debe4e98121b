// One client that asks again as soon as it was answered.

import type { Address, Network, Socket, SocketHandler } from '../../net/index.ts';

export interface WarmCallerOptions {
  readonly network: Network;
  readonly address: Address;
  readonly requests: number;
  /** All are answered, or the connection is gone. */
  readonly onDone: () => void;
}

const fields = [
  'host: warm-up',
  'user-agent: weft',
  'accept: application/json',
  'accept-encoding: gzip, deflate',
  'accept-language: en',
  'authorization: Bearer of-nothing',
  'cookie: session=none; theme=plain',
  'x-context: warm-up',
  'cache-control: no-cache',
];

const requests = [
  ['GET /accounts/17?full=true HTTP/1.1', ...fields, '', ''].join('\r\n'),
  ['POST /transfers HTTP/1.1', ...fields, 'content-length: 4', '', 'warm'].join('\r\n'),
];

export class WarmCaller implements SocketHandler {
  answered = 0;
  private readonly options: WarmCallerOptions;
  private socket: Socket | null = null;

  constructor(options: WarmCallerOptions) {
    this.options = options;
  }

  start(): void {
    this.socket = this.options.network.connect(this.options.address, this);
  }

  stop(): void {
    this.socket?.reset();
  }

  onOpen(): void {
    this.ask();
  }

  // An answer arrives whole: head and body are written in one turn.
  onData(): void {
    this.answered += 1;
    if (this.answered < this.options.requests) this.ask();
    else this.options.onDone();
  }

  onDrain(): void {}

  onEnd(): void {}

  onClose(): void {
    this.socket = null;
    this.options.onDone();
  }

  private ask(): void {
    this.socket?.writeLatin1(requests[this.answered % requests.length] ?? '');
  }
}
