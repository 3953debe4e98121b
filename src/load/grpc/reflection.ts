// Asks a server for the descriptors of a service: gRPC server reflection, v1 and the v1alpha of older servers
// (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md). One connection, one call, one question at a
// time.

import { create, createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { type Clock, fail, type Issue, MeshError, ok, type Result, Timer } from '../../base/index.ts';
import {
  type Address,
  createClientOptions,
  formatAddress,
  Http2ClientSocket,
  type Network,
  type TlsClient,
} from '../../net/index.ts';
import { type ClientStream, createRequestHead, type Head, type ResponseReceiver } from '../../wire/index.ts';
import { encodeFrame, FrameParser, WireReader, WireWriter } from '../../xds/index.ts';
import { loadLimits } from '../limits.ts';

export interface ReflectionOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly address: Address;
  /** null: in the clear. */
  readonly tls: TlsClient | null;
  readonly authority: string;
  /** Sent along, as a server may ask for a token before it tells. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** The service's file and all that it needs, as a registry. */
export async function reflect(
  options: ReflectionOptions,
  service: string,
): Promise<Result<FileRegistry, Issue>> {
  const connection = new ReflectionConnection(options);
  try {
    const files = await connection.collect(service);
    return ok(createFileRegistry(create(FileDescriptorSetSchema, { file: [...files] })));
  } catch (error) {
    const rule = error instanceof Error ? error.message : String(error);
    return fail({ object: formatAddress(options.address), field: 'reflection', rule, value: service });
  } finally {
    connection.close();
  }
}

const paths = [
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
];
/** grpc-status UNIMPLEMENTED. */
const unimplemented = '12';
/** Fields of ServerReflectionRequest. */
const ask = { fileByName: 3, fileBySymbol: 4 } as const;

class ReflectionConnection extends Http2ClientSocket {
  private readonly setup: ReflectionOptions;
  private readonly opened = Promise.withResolvers<void>();
  private readonly deadline: Timer;
  private call: ReflectionCall | null = null;
  private version = 0;
  private bytes = 0;

  constructor(options: ReflectionOptions) {
    super(options.network, options.address, createClientOptions(options.clock), { tls: options.tls });
    this.setup = options;
    this.deadline = new Timer(
      { onTimer: () => this.fail(`must tell all within ${loadLimits.reflectionMs} ms`) },
      0,
    );
    options.clock.arm(this.deadline, loadLimits.reflectionMs);
    // Whoever waits for it is told by `collect`.
    this.opened.promise.catch(() => {});
  }

  close(): void {
    this.setup.clock.cancel(this.deadline);
    this.socket.reset();
  }

  /** Files before those that import them. */
  async collect(service: string): Promise<readonly FileDescriptorProto[]> {
    await this.opened.promise;
    const files = new Map<string, FileDescriptorProto>();
    this.keep(files, await this.ask(ask.fileBySymbol, service));
    for (;;) {
      const missing = [...files.values()]
        .flatMap(({ dependency }) => dependency)
        .find((name) => !files.has(name));
      if (missing === undefined) return sortFiles(files);
      this.keep(files, await this.ask(ask.fileByName, missing));
      if (!files.has(missing)) throw new Error(`must have the file ${missing}, which another one imports`);
    }
  }

  private keep(files: Map<string, FileDescriptorProto>, told: readonly Uint8Array[]): void {
    for (const bytes of told) {
      this.bytes += bytes.length;
      const file = fromBinary(FileDescriptorProtoSchema, bytes);
      files.set(file.name, file);
    }
    if (files.size > loadLimits.protoFilesMax || this.bytes > loadLimits.reflectionBytesMax)
      throw new Error(
        `must tell of at most ${loadLimits.protoFilesMax} files and ${loadLimits.reflectionBytesMax} bytes`,
      );
  }

  /** The descriptors that answer one question; an older version of the service is tried where this one is not there. */
  private async ask(field: number, name: string): Promise<readonly Uint8Array[]> {
    this.call ??= this.start();
    const answer = await this.call.ask(field, name);
    if (answer !== null) return readAnswer(answer, name);
    this.version += 1;
    this.call = null;
    if (this.version === paths.length) throw new Error('must be served: this server has no reflection');
    return this.ask(field, name);
  }

  private start(): ReflectionCall {
    const call = new ReflectionCall();
    const fields: [string, string][] = [
      ...this.setup.headers.map(([name, value]): [string, string] => [name, value]),
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
    ];
    const scheme = this.setup.tls === null ? '' : 'https';
    const path = paths[this.version]!;
    const head = createRequestHead('POST', this.setup.authority, path, fields, { scheme, version: 2 });
    call.stream = this.codec!.start(head, false, call);
    return call;
  }

  override onCapacity(): void {
    this.opened.resolve();
  }

  override onClose(socket: this['socket'], error: MeshError | null): void {
    super.onClose(socket, error);
    this.fail(error?.message ?? 'must speak HTTP/2, and closed the connection');
  }

  private fail(reason: string): void {
    const error = new Error(reason);
    this.opened.reject(error);
    this.call?.fail(error);
  }
}

class ReflectionCall implements ResponseReceiver {
  stream: ClientStream | null = null;
  private readonly parser = new FrameParser(loadLimits.reflectionBytesMax);
  private asked = createAsked();

  /** null: the server has no such method. */
  ask(field: number, name: string): Promise<Uint8Array | null> {
    this.asked = createAsked();
    const writer = new WireWriter();
    writer.string(field, name);
    const frame = encodeFrame(writer.finish());
    this.stream?.sendBody(frame, 0, frame.length);
    return this.asked.promise;
  }

  fail(error: Error | MeshError): void {
    this.asked.reject(error instanceof MeshError ? new Error(error.message) : error);
  }

  onInformational(): void {}

  onResponse(head: Head & { readonly status: number }, endStream: boolean): void {
    if (endStream) this.over(head, head.status);
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    try {
      this.parser.push(bytes.subarray(start, end), (message) => this.asked.resolve(message.slice()));
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  onEnd(trailers: Head | null): void {
    this.over(trailers, 200);
  }

  onReset(error: MeshError): void {
    this.fail(error);
  }

  onWritable(): void {}

  private over(last: Head | null, httpStatus: number): void {
    const status = last?.getName('grpc-status') ?? null;
    // Servers that know nothing of gRPC say 404 or 405.
    if (status === unimplemented || (status === null && httpStatus >= 400)) this.asked.resolve(null);
    else {
      const message = last?.getName('grpc-message') ?? '';
      this.fail(
        new Error(`must be answered: the call ended with grpc-status ${status ?? 'none'} ${message}`.trim()),
      );
    }
  }
}

/** Nobody may be waiting when the connection fails. */
function createAsked(): PromiseWithResolvers<Uint8Array | null> {
  const asked = Promise.withResolvers<Uint8Array | null>();
  asked.promise.catch(() => {});
  return asked;
}

/** ServerReflectionResponse: descriptors (4), or why there are none (7). */
function readAnswer(message: Uint8Array, name: string): readonly Uint8Array[] {
  const reader = new WireReader(message);
  const files: Uint8Array[] = [];
  while (reader.next()) {
    if (reader.field === 4) {
      const inner = reader.nested();
      while (inner.next()) {
        if (inner.field === 1) files.push(inner.view().slice());
        else inner.skip();
      }
    } else if (reader.field === 7) throw new Error(`must know ${name}: ${readError(reader.nested())}`);
    else reader.skip();
  }
  if (files.length === 0) throw new Error(`must know ${name}`);
  return files;
}

function readError(reader: WireReader): string {
  let text = '';
  while (reader.next()) {
    if (reader.field === 2) text = reader.string();
    else reader.skip();
  }
  return text;
}

function sortFiles(files: ReadonlyMap<string, FileDescriptorProto>): readonly FileDescriptorProto[] {
  const sorted = new Set<FileDescriptorProto>();
  const visit = (name: string, above: readonly string[]): void => {
    const file = files.get(name);
    if (file === undefined || sorted.has(file) || above.includes(name)) return;
    for (const dependency of file.dependency) visit(dependency, [...above, name]);
    sorted.add(file);
  };
  for (const name of files.keys()) visit(name, []);
  return [...sorted];
}
