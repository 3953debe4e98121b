// gRPC server reflection on the control plane's port, v1 and the v1alpha of older tools: what grpcurl and its kin need
// to call the discovery services and to print what they answer
// (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md). Descriptors are those Weft uses, cut as
// tools/generate/messages.ts says, and are loaded by the first who asks.

import { MeshError } from '../../base/index.ts';
import { reflectionPendingBytesMax, reflectionPendingMax } from '../limits.ts';
import { WireError, WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import type { AdsStream } from '../types.ts';
import { grpcStatus } from './grpc-protocol.ts';
import type { CallHandler, StartCall } from './health.ts';
import type { DescriptorIndex } from './reflection-index.ts';

const paths: ReadonlySet<string> = new Set([
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
]);

export function findReflection(path: string): StartCall | null {
  return paths.has(path) ? (stream) => new Reflection(stream) : null;
}

/** Fields of ServerReflectionRequest. */
const asked = {
  fileByName: 3,
  fileBySymbol: 4,
  fileByExtension: 5,
  extensionNumbers: 6,
  services: 7,
} as const;

/** Fields of ServerReflectionResponse. */
const answer = { host: 1, request: 2, files: 4, extensionNumbers: 5, services: 6, error: 7 } as const;

/** One field of the response, its bytes in a row. */
interface Told {
  readonly field: number;
  readonly pieces: readonly Uint8Array[];
}

let loading: Promise<DescriptorIndex> | null = null;

function load(): Promise<DescriptorIndex> {
  loading ??= import('./reflection-index.ts').then(({ createDescriptorIndex }) => createDescriptorIndex());
  return loading;
}

/** One stream of questions, answered in turn. A client that does not read its answers is not asked for more. */
class Reflection implements CallHandler {
  private readonly stream: AdsStream;
  private readonly waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  /** Files that this client has. */
  private readonly sent = new Set<string>();
  private index: DescriptorIndex | null = null;
  private writable = true;
  private asksNoMore = false;
  private closed = false;

  constructor(stream: AdsStream) {
    this.stream = stream;
    void load().then((index) => {
      this.index = index;
      this.answerAll();
    });
  }

  onMessage(message: Uint8Array): void {
    if (this.closed) return;
    this.waiting.push(message.slice());
    this.waitingBytes += message.length;
    this.answerAll();
    if (this.waiting.length > reflectionPendingMax)
      this.fail('overflow', `more than ${reflectionPendingMax} questions wait for their answers to be read`);
    else if (this.waitingBytes > reflectionPendingBytesMax)
      this.fail(
        'overflow',
        `questions of more than ${reflectionPendingBytesMax} bytes wait for their answers`,
      );
  }

  onRequestEnd(): void {
    this.asksNoMore = true;
    this.answerAll();
  }

  onWritable(): void {
    this.writable = true;
    this.answerAll();
  }

  onClose(): void {
    this.closed = true;
    this.waiting.length = 0;
  }

  private answerAll(): void {
    while (this.index !== null && this.writable && !this.closed && this.waiting.length > 0) {
      const message = this.waiting.shift()!;
      this.waitingBytes -= message.length;
      try {
        this.writable = this.stream.send(this.answer(message, this.index));
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        this.fail('protocol', `the request ${error.message}`);
      }
    }
    if (this.asksNoMore && !this.closed && this.waiting.length === 0) {
      this.closed = true;
      this.stream.close(null);
    }
  }

  /** In pieces: descriptors are everybody's, so an answer that nobody reads costs what is its own. */
  private answer(message: Uint8Array, index: DescriptorIndex): readonly Uint8Array[] {
    const reader = new WireReader(message);
    const writer = new WireWriter(message.length + 64);
    let told: Told | null = null;
    while (reader.next()) {
      if (reader.field === answer.host) writer.string(answer.host, reader.string());
      else if (reader.field === asked.fileByExtension) {
        reader.skip();
        told = notFound('no message of this server has extensions');
      } else if (reader.field >= asked.fileByName && reader.field <= asked.services)
        told = this.find(reader.field, reader.string(), index);
      else reader.skip();
    }
    writer.bytes(answer.request, message);
    const { field, pieces } = told ?? refused(grpcStatus.invalidArgument, 'the request asks nothing');
    writer.prefix(
      field,
      pieces.reduce((total, { length }) => total + length, 0),
    );
    return [writer.finish(), ...pieces];
  }

  private find(field: number, name: string, index: DescriptorIndex): Told {
    if (field === asked.services) return { field: answer.services, pieces: [index.services] };
    if (field === asked.extensionNumbers) {
      if (!index.isMessage(name)) return notFound(`there is no message ${name}`);
      const writer = new WireWriter();
      writer.string(1, name);
      return { field: answer.extensionNumbers, pieces: [writer.finish()] };
    }
    const file = field === asked.fileByName ? name : index.fileOf(name);
    const needed = file === null ? null : index.withImports(file);
    if (needed === null)
      return notFound(`there is no ${field === asked.fileByName ? 'file' : 'symbol'} ${name}`);
    const pieces: Uint8Array[] = [];
    for (const [at, one] of needed.entries()) {
      // The one that was asked for comes, whatever the client has.
      if (at > 0 && this.sent.has(one.name)) continue;
      this.sent.add(one.name);
      pieces.push(one.element);
    }
    return { field: answer.files, pieces };
  }

  private fail(code: 'protocol' | 'overflow', message: string): void {
    if (this.closed) return;
    this.onClose();
    this.stream.close(new MeshError(code, 'downstream', 'no', message));
  }
}

function notFound(message: string): Told {
  return refused(grpcStatus.notFound, message);
}

/** ErrorResponse. */
function refused(status: number, message: string): Told {
  const writer = new WireWriter();
  writer.uint(1, status);
  writer.string(2, message);
  return { field: answer.error, pieces: [writer.finish()] };
}
