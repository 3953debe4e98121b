// One caller of an API server: its TLS by the kubeconfig's own CA, its credentials kept fresh, its answers bounded.
// Requests, watches, logs and tunnels into pods all go through it.

import { type Clock, fail, MeshError, ok, type Result } from '../../base/index.ts';
import { type Credential, Credentials, type Environment } from './credentials.ts';
import type { ClusterAccess } from './kubeconfig.ts';
import { kubeLimits } from './limits.ts';
import { isRecord, type KubeAnswer, type KubeRequest } from './types.ts';

export interface CallerOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly environment: Environment;
  /** Sent as User-Agent; it names us in audit logs. */
  readonly userAgent: string;
}

/** How Bun's fetch and WebSocket are told of TLS. */
export interface TlsInit {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized: boolean;
  readonly serverName?: string;
}

/** What a connection that is no fetch begins with. */
export interface Opening {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsInit;
}

/** What Bun's fetch takes beyond the standard. */
interface BunFetchInit extends RequestInit {
  readonly tls: TlsInit;
  readonly timeout: false;
}

export class Caller {
  private readonly options: CallerOptions;
  private readonly credentials: Credentials;

  constructor(options: CallerOptions) {
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

  /** For a WebSocket to `path`. */
  async opening(path: string): Promise<Result<Opening, MeshError>> {
    const credential = await this.credentials.get();
    if (!credential.ok) return credential;
    const url = `${this.options.access.server.replace(/^http/, 'ws')}${path}`;
    return ok({ url, headers: this.headers(credential.value), tls: this.tls(credential.value) });
  }

  private headers(credential: Credential): Record<string, string> {
    const headers: Record<string, string> = { 'user-agent': this.options.userAgent };
    if (credential.authorization !== '') headers['authorization'] = credential.authorization;
    return headers;
  }

  private tls({ ca, certificate, key }: Credential): TlsInit {
    const { access } = this.options;
    return {
      rejectUnauthorized: access.verify,
      ...(ca === null ? {} : { ca }),
      ...(certificate === null ? {} : { cert: certificate }),
      ...(key === null ? {} : { key }),
      ...(access.serverName === '' ? {} : { serverName: access.serverName }),
    };
  }

  private init(request: KubeRequest, credential: Credential, signal: AbortSignal): BunFetchInit {
    const headers = {
      ...this.headers(credential),
      accept: request.only === 'metadata' ? metadataOnly : 'application/json',
    };
    return {
      method: request.method === 'APPLY' ? 'PATCH' : request.method,
      headers:
        request.body === undefined ? headers : { ...headers, 'content-type': contentTypes[request.method] },
      redirect: 'error',
      signal,
      timeout: false,
      tls: this.tls(credential),
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    };
  }
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches */
const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

const contentTypes: Readonly<Record<KubeRequest['method'], string>> = {
  GET: 'application/json',
  POST: 'application/json',
  PUT: 'application/json',
  PATCH: 'application/merge-patch+json',
  // JSON is YAML.
  APPLY: 'application/apply-patch+yaml',
  DELETE: 'application/json',
};

export async function readAnswer(response: Response, path: string): Promise<Result<KubeAnswer, MeshError>> {
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

export function brokenError(path: string, cause: unknown): MeshError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MeshError(
    'connect-failed',
    'upstream',
    'yes',
    `the API server did not answer ${path}: ${reason}`,
    cause,
  );
}
