// The real API server, over the runtime's fetch: TLS by the kubeconfig's own CA, credentials kept fresh, watches as
// lines of JSON. What comes back is bounded, and every failure is a value.

import { type Clock, fail, MeshError, ok, type Result, Timer, type TimerHandler } from '../../base/index.ts';
import { type Credential, Credentials, type Environment } from './credentials.ts';
import { JsonLines } from './json-lines.ts';
import type { ClusterAccess } from './kubeconfig.ts';
import { kubeLimits } from './limits.ts';
import {
  isRecord,
  type KubeAnswer,
  type KubeApi,
  type KubeObject,
  type KubeRequest,
  type WatchEventType,
  type WatchReceiver,
} from './types.ts';

export interface FetchApiOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly environment: Environment;
  /** Sent as User-Agent; it names us in audit logs. */
  readonly userAgent: string;
}

export function createFetchApi(options: FetchApiOptions): KubeApi {
  const caller = new Caller(options);
  return {
    request: (request) => caller.request(request),
    watch: (path, receiver) => new FetchWatch(caller, options.clock, path, receiver).start(),
  };
}

/** What Bun's fetch takes beyond the standard. */
interface BunFetchInit extends RequestInit {
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly rejectUnauthorized: boolean;
    readonly serverName?: string;
  };
  readonly timeout: false;
}

class Caller {
  private readonly options: FetchApiOptions;
  private readonly credentials: Credentials;

  constructor(options: FetchApiOptions) {
    this.options = options;
    this.credentials = new Credentials(options.access, options.clock, options.environment);
  }

  async request(request: KubeRequest): Promise<Result<KubeAnswer, MeshError>> {
    const response = await this.open(request, AbortSignal.timeout(kubeLimits.requestTimeoutMs));
    return response.ok ? await readAnswer(response.value, request.path) : response;
  }

  /** Sends it; the answer's body is still to be read. Any status is a value. */
  async open(request: KubeRequest, signal: AbortSignal): Promise<Result<Response, MeshError>> {
    const credential = await this.credentials.get();
    if (!credential.ok) return credential;
    const { server } = this.options.access;
    try {
      const response = await fetch(`${server}${request.path}`, this.init(request, credential.value, signal));
      if (response.status === 401) this.credentials.drop();
      return ok(response);
    } catch (cause) {
      return fail(brokenError(request.path, cause));
    }
  }

  private init(request: KubeRequest, credential: Credential, signal: AbortSignal): BunFetchInit {
    const { access, userAgent } = this.options;
    const headers: Record<string, string> = { accept: 'application/json', 'user-agent': userAgent };
    if (credential.authorization !== '') headers['authorization'] = credential.authorization;
    if (request.body !== undefined) headers['content-type'] = contentTypes[request.method];
    const { ca, certificate, key } = credential;
    return {
      method: request.method === 'APPLY' ? 'PATCH' : request.method,
      headers,
      redirect: 'error',
      signal,
      timeout: false,
      tls: {
        rejectUnauthorized: access.verify,
        ...(ca === null ? {} : { ca }),
        ...(certificate === null ? {} : { cert: certificate }),
        ...(key === null ? {} : { key }),
        ...(access.serverName === '' ? {} : { serverName: access.serverName }),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    };
  }
}

const contentTypes: Readonly<Record<KubeRequest['method'], string>> = {
  GET: 'application/json',
  POST: 'application/json',
  PUT: 'application/json',
  PATCH: 'application/merge-patch+json',
  // JSON is YAML.
  APPLY: 'application/apply-patch+yaml',
  DELETE: 'application/json',
};

async function readAnswer(response: Response, path: string): Promise<Result<KubeAnswer, MeshError>> {
  try {
    const text = await readText(response);
    const body: unknown = text.startsWith('{') ? JSON.parse(text) : {};
    const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1000 || 0;
    return ok({ status: response.status, body: isRecord(body) ? body : {}, retryAfterMs });
  } catch (cause) {
    return fail(brokenError(path, cause));
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > kubeLimits.answerBytesMax) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const eventTypes: ReadonlySet<string> = new Set<WatchEventType>([
  'ADDED',
  'MODIFIED',
  'DELETED',
  'BOOKMARK',
  'ERROR',
]);

class FetchWatch implements TimerHandler {
  private readonly caller: Caller;
  private readonly clock: Clock;
  private readonly path: string;
  private readonly abort = new AbortController();
  private readonly silent: Timer;
  private receiver: WatchReceiver | null;

  constructor(caller: Caller, clock: Clock, path: string, receiver: WatchReceiver) {
    this.caller = caller;
    this.clock = clock;
    this.path = path;
    this.receiver = receiver;
    this.silent = new Timer(this, 0);
  }

  start(): () => void {
    void this.run();
    return () => this.stop();
  }

  onTimer(): void {
    const message = `the watch ${this.path} said nothing for ${kubeLimits.watchSilentMs / 1000} s`;
    this.end(null, new MeshError('idle-timeout', 'upstream', 'yes', message));
  }

  private async run(): Promise<void> {
    this.clock.arm(this.silent, kubeLimits.watchSilentMs);
    const response = await this.caller.open({ method: 'GET', path: this.path }, this.abort.signal);
    if (!response.ok) return this.end(null, response.error);
    if (response.value.status !== 200) {
      const answer = await readAnswer(response.value, this.path);
      return answer.ok ? this.end(answer.value, null) : this.end(null, answer.error);
    }
    try {
      const lines = new JsonLines(kubeLimits.eventBytesMax);
      for await (const chunk of response.value.body ?? []) {
        if (this.receiver === null) return;
        this.clock.arm(this.silent, kubeLimits.watchSilentMs);
        for (const value of lines.push(chunk)) this.tell(value);
      }
      this.end(null, null);
    } catch (cause) {
      this.end(null, brokenError(this.path, cause));
    }
  }

  private tell(value: unknown): void {
    const { type, object } = isRecord(value) ? value : ({} as KubeObject);
    if (typeof type !== 'string' || !eventTypes.has(type) || !isRecord(object)) return;
    this.receiver?.onEvent(type as WatchEventType, object);
  }

  private end(status: KubeAnswer | null, error: MeshError | null): void {
    const receiver = this.receiver;
    this.stop();
    receiver?.onEnd(status, error);
  }

  private stop(): void {
    this.receiver = null;
    this.clock.cancel(this.silent);
    this.abort.abort();
  }
}

function brokenError(path: string, cause: unknown): MeshError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MeshError(
    'connect-failed',
    'upstream',
    'yes',
    `the API server did not answer ${path}: ${reason}`,
    cause,
  );
}
