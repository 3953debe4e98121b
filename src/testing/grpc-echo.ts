// A server of gRPC without services, for tests: whatever is called answers with what it was asked, and does what the
// call's header `x-do` says first. On the runtime's own HTTP/2.

import {
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';

export interface GrpcEcho {
  readonly port: number;
  /** `x-call` of each call that came, in their order. */
  readonly seen: readonly string[];
  stop(): void;
}

export interface Echoed {
  readonly backend: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: Readonly<Record<string, string>>;
}

const unavailable = 14;
const slowMs = 300;

/** `tls`: PEM; absent: without. */
export async function startGrpcEcho(
  name: string,
  tls?: { readonly key: string; readonly cert: string },
): Promise<GrpcEcho> {
  const seen: string[] = [];
  const server = tls === undefined ? createServer() : createSecureServer(tls);
  server.on('sessionError', () => {});
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    const call = `${headers['x-call'] ?? ''}`;
    const first = !seen.includes(call);
    seen.push(call);
    const what = headers['x-do'];
    if (what === `fail at ${name}` || (what === 'fail once' && first)) refuse(stream);
    else if (what === 'be slow') setTimeout(() => answer(stream, name, headers), slowMs);
    else answer(stream, name, headers);
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  return { port, seen, stop: () => void server.close() };
}

/** Trailers alone, so that a client may call again. */
function refuse(stream: ServerHttp2Stream): void {
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': `${unavailable}` },
    { endStream: true },
  );
}

function answer(stream: ServerHttp2Stream, backend: string, headers: IncomingHttpHeaders): void {
  if (stream.destroyed) return;
  const { ':path': path = '', ':authority': authority = '' } = headers;
  const rest = Object.entries(headers).filter(([name]) => !name.startsWith(':'));
  const text = JSON.stringify({ backend, path, authority, headers: Object.fromEntries(rest) });
  const body = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.concat([head, body]));
}
