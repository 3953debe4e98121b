// HTTP to a port inside a pod, through the API server's port forward: what listens on the pod's loopback alone can be
// asked, by whoever may `create` pods/portforward. Each request has a connection of its own: a socket file that only we
// may open, whose bytes go over a WebSocket (subprotocol v4.channel.k8s.io: a channel of data and one of errors, each
// of which begins with the port).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, MeshError, ok, type Result } from '../../base/index.ts';
import type { Caller, Opening } from './caller.ts';
import { kubeLimits } from './limits.ts';
import { textOf } from './types.ts';

export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/** An answer of any status is a value; an error means that none came. `path` begins with `/`. */
export type PodRequest = (
  port: PodPort,
  path: string,
  init?: { readonly method?: 'GET' | 'POST' },
) => Promise<Result<PodAnswer, MeshError>>;

export interface PodAnswer {
  readonly status: number;
  readonly text: string;
}

/** Asks once. The answer is bounded in time and size. */
export async function requestPod(
  caller: Caller,
  { namespace, pod, port }: PodPort,
  path: string,
  method: 'GET' | 'POST',
): Promise<Result<PodAnswer, MeshError>> {
  const within = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`;
  const forward = `${within}/portforward?ports=${port}`;
  const opening = await caller.opening(forward);
  if (!opening.ok) return opening;
  const tunnel = new Tunnel(opening.value);
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      unix: tunnel.path,
      method,
      headers: { connection: 'close' },
      redirect: 'manual',
      signal: AbortSignal.timeout(kubeLimits.requestTimeoutMs),
    });
    const text = await response.text();
    // A tunnel that broke ends the answer as its end would, where nothing says how long it is.
    if (tunnel.failure !== '') return fail(broken(tunnel.failure));
    return ok({ status: response.status, text });
  } catch (cause) {
    const why = tunnel.failure === '' ? await explain(caller, forward, cause) : tunnel.failure;
    return fail(broken(why, cause));
  } finally {
    tunnel.close();
  }

  function broken(why: string, cause?: unknown): MeshError {
    const message = `port ${port} of pod ${namespace}/${pod} cannot be reached: ${why}`;
    return new MeshError('connect-failed', 'upstream', 'yes', message, cause);
  }
}

/**
 * A WebSocket that is refused does not say why; the same question without one is answered in words. It needs the rights
 * to get and to create; 400: we have the one that was asked for, and this is no WebSocket.
 */
async function explain(caller: Caller, path: string, cause: unknown): Promise<string> {
  for (const method of ['GET', 'POST'] as const) {
    const plain = await caller.request({ method, path });
    if (!plain.ok) return plain.error.message;
    const { status, body } = plain.value;
    const message = textOf(body, 'message');
    if (status !== 400 && message !== '') return `${status} ${message}`;
  }
  return cause instanceof Error ? cause.message : String(cause);
}

/** One connection: accepted on a socket file, carried by a WebSocket. */
class Tunnel {
  readonly path: string;
  failure = '';
  private readonly folder: string;
  private readonly opening: Opening;
  private readonly server: Bun.UnixSocketListener<undefined>;
  private socket: Bun.Socket<undefined> | null = null;
  private web: WebSocket | null = null;
  /** From the socket, before the WebSocket is open. */
  private readonly early: Uint8Array[] = [];
  /** To the socket, which has not taken it yet. */
  private late: Uint8Array[] = [];
  private lateBytes = 0;
  private ended = false;
  /** Channels whose first message, the port, was seen. */
  private readonly begun = new Set<number>();

  constructor(opening: Opening) {
    this.opening = opening;
    // Only its owner may enter a folder made so.
    this.folder = mkdtempSync(join(tmpdir(), 'weft-pod-'));
    this.path = join(this.folder, 'http');
    this.server = Bun.listen<undefined>({
      unix: this.path,
      socket: {
        open: (socket) => this.onOpen(socket),
        data: (_socket, bytes) => this.onData(bytes),
        drain: () => this.flush(),
        close: () => this.web?.close(),
        error: () => this.web?.close(),
      },
    });
  }

  close(): void {
    this.web?.close();
    this.socket?.terminate();
    this.server.stop(true);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private onOpen(socket: Bun.Socket<undefined>): void {
    if (this.socket !== null) {
      socket.terminate();
      return;
    }
    this.socket = socket;
    const { url, headers, tls } = this.opening;
    const protocols = ['v4.channel.k8s.io'];
    const web = new WebSocket(url, { protocols, headers: { ...headers }, tls, perMessageDeflate: false });
    this.web = web;
    web.binaryType = 'arraybuffer';
    web.onopen = () => {
      for (const bytes of this.early.splice(0)) this.send(bytes);
    };
    web.onmessage = ({ data }) => this.onMessage(new Uint8Array(data as ArrayBuffer));
    web.onclose = () => this.end();
  }

  private onData(bytes: Uint8Array): void {
    if (this.web?.readyState === WebSocket.OPEN) this.send(bytes);
    else this.early.push(Uint8Array.from(bytes));
  }

  private send(bytes: Uint8Array): void {
    const message = new Uint8Array(bytes.length + 1);
    message.set(bytes, 1);
    this.web?.send(message);
  }

  private onMessage(message: Uint8Array): void {
    const channel = message[0] ?? 0;
    const bytes = message.subarray(1);
    if (bytes.length === 0) return;
    if (!this.begun.has(channel)) {
      this.begun.add(channel);
      return;
    }
    if (channel !== 0) {
      this.failure += new TextDecoder().decode(bytes).slice(0, 500);
      this.end();
      return;
    }
    this.late.push(bytes);
    this.lateBytes += bytes.length;
    if (this.lateBytes > kubeLimits.answerBytesMax) {
      this.failure = 'the answer is too large';
      this.end();
    } else this.flush();
  }

  private flush(): void {
    const { socket } = this;
    if (socket === null) return;
    while (this.late.length > 0) {
      const bytes = this.late[0]!;
      const taken = Math.max(0, socket.write(bytes));
      this.lateBytes -= taken;
      if (taken < bytes.length) {
        this.late[0] = bytes.subarray(taken);
        return;
      }
      this.late.shift();
    }
    if (this.ended) socket.end();
  }

  private end(): void {
    this.ended = true;
    if (this.failure !== '') this.late = [];
    this.flush();
  }
}
