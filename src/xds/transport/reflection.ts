// gRPC server reflection on the control plane's port, v1 and the v1alpha of older tools: what grpcurl and its kin need
// to call the discovery services and to print what they answer
// (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md). Descriptors are those Weft uses, cut as
// tools/generate/messages.ts says, and are loaded by the first who asks.

import { MeshError } from '../../base/index.ts';
import { reflectionPendingMax } from '../limits.ts';
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

let loading: Promise<DescriptorIndex> | null = null;

function load(): Promise<DescriptorIndex> {
  loading ??= import('./reflection-index.ts').then(({ createDescriptorIndex }) => createDescriptorIndex());
  return loading;
}

/** One stream of questions, answered in turn. A client that does not read its answers is not asked for more. */
class Reflection implements CallHandler {
  private readonly stream: AdsStream;
  private readonly waiting: Uint8Array[] = [];
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
    if (this.waiting.length > reflectionPendingMax)
      this.fail('overflow', `more than ${reflectionPendingMax} questions wait for their answers to be read`);
    else this.answerAll();
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
      try {
        this.writable = this.stream.send([this.answer(message, this.index)]);
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

  private answer(message: Uint8Array, index: DescriptorIndex): Uint8Array {
    const reader = new WireReader(message);
    const writer = new WireWriter(message.length + 64);
    let told: readonly [field: number, bytes: Uint8Array] | null = null;
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
    const [field, bytes] = told ?? refused(grpcStatus.invalidArgument, 'the request asks nothing');
    writer.bytes(field, bytes);
    return writer.finish();
  }

  private find(
    field: number,
    name: string,
    index: DescriptorIndex,
  ): readonly [field: number, bytes: Uint8Array] {
    if (field === asked.services) return [answer.services, index.services];
    if (field === asked.extensionNumbers) {
      if (!index.isMessage(name)) return notFound(`there is no message ${name}`);
      const writer = new WireWriter();
      writer.string(1, name);
      return [answer.extensionNumbers, writer.finish()];
    }
    const file = field === asked.fileByName ? name : index.fileOf(name);
    const needed = file === null ? null : index.withImports(file);
    if (needed === null)
      return notFound(`there is no ${field === asked.fileByName ? 'file' : 'symbol'} ${name}`);
    const writer = new WireWriter();
    for (const [at, one] of needed.entries()) {
      // The one that was asked for comes, whatever the client has.
      if (at > 0 && this.sent.has(one.name)) continue;
      this.sent.add(one.name);
      writer.bytes(1, one.bytes);
    }
    return [answer.files, writer.finish()];
  }

  private fail(code: 'protocol' | 'overflow', message: string): void {
    this.onClose();
    this.stream.close(new MeshError(code, 'downstream', 'no', message));
  }
}

function notFound(message: string): readonly [field: number, bytes: Uint8Array] {
  return refused(grpcStatus.notFound, message);
}

/** ErrorResponse. */
function refused(status: number, message: string): readonly [field: number, bytes: Uint8Array] {
  const writer = new WireWriter();
  writer.uint(1, status);
  writer.string(2, message);
  return [answer.error, writer.finish()];
}
