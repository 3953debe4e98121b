// An endpoint for streams of gRPC: `bun bench/peers/streams.ts PORT`. `Up` answers with one message where the request
// ends, `Down` with as many as `x-messages` says, `Both` sends each message back as it comes, and `Watch` sends one and
// does not end. What is asked for under /accounts/ is answered whole, so that it can be told whether a proxy serves.

import { createBunNetwork, createSystemClock } from '../../src/net/index.ts';
import { HttpAsked, type HttpOriginConnection } from '../../src/proxy/testing/http-ends.ts';
import { Http2Origin } from '../../src/proxy/testing/http2-peers.ts';
import {
  createResponseHead,
  type RequestHead,
  type RequestReceiver,
  type ServerStream,
} from '../../src/wire/index.ts';
import { MessageSender, MessageTally, sendMessage } from './message-sender.ts';

const grpc = createResponseHead(200, [['content-type', 'application/grpc']]);
const success = createResponseHead(200, [['grpc-status', '0']]);

/** Answers the request with so many messages when it ended. */
class Answer implements RequestReceiver {
  private readonly stream: ServerStream;
  private readonly sender: MessageSender;

  constructor(stream: ServerStream, count: number) {
    this.stream = stream;
    this.sender = new MessageSender(stream, count, () => stream.sendEnd(success));
  }

  onBody(): void {}

  onEnd(): void {
    this.stream.sendResponse(grpc, false);
    this.sender.send();
  }

  onReset(): void {}

  onWritable(): void {
    this.sender.send();
  }
}

class Echo implements RequestReceiver {
  private readonly stream: ServerStream;
  private readonly received = new MessageTally();

  constructor(stream: ServerStream) {
    this.stream = stream;
    stream.sendResponse(grpc, false);
  }

  onBody(_bytes: Uint8Array, start: number, end: number): void {
    for (let left = this.received.add(end - start); left > 0; left--) sendMessage(this.stream);
  }

  onEnd(): void {
    this.stream.sendEnd(success);
  }

  onReset(): void {}

  onWritable(): void {}
}

class Watch implements RequestReceiver {
  constructor(stream: ServerStream) {
    stream.sendResponse(grpc, false);
    sendMessage(stream);
  }

  onBody(): void {}

  onEnd(): void {}

  onReset(): void {}

  onWritable(): void {}
}

class StreamsOrigin extends Http2Origin {
  override receive(
    connection: HttpOriginConnection,
    stream: ServerStream,
    head: RequestHead,
    endStream: boolean,
  ): RequestReceiver {
    switch (head.path) {
      case '/bank.Ledger/Up':
        return new Answer(stream, 1);
      case '/bank.Ledger/Down':
        return new Answer(stream, Number(head.getName('x-messages')));
      case '/bank.Ledger/Both':
        return new Echo(stream);
      case '/bank.Ledger/Watch':
        return new Watch(stream);
      default: {
        const asked = new HttpAsked(connection, stream, head, endStream, this.respond);
        if (endStream) this.respond(asked);
        return asked;
      }
    }
  }
}

const address = { kind: 'ip', host: '127.0.0.1', port: Number(process.argv[2]) } as const;
new StreamsOrigin(createBunNetwork(), address, createSystemClock());
