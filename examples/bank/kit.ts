// The tiny kit under the bank's services: routes in, JSON out, calls by service name. It knows nothing of the mesh but
// one address (MESH), and not even that where its calls are captured; it has no retries, timeouts or discovery on
// purpose: those are the mesh's work.

import { createFaults } from './faults.ts';

/** What a handler may do: read the request, and call others with the same trace and the same idempotency. */
export interface Context {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The caller's `Idempotency-Key`, or null. */
  readonly key: string | null;
  body<T>(): Promise<T>;
  /** GET `http://SERVICE/path`; throws {@link CallError} for anything but 2xx. */
  get<T>(service: string, path: string): Promise<T>;
  /**
   * POST with the key `KEY/step`: the same incoming key always gives the same outgoing one, so that a repeat of this
   * call, through any replica, is the same call to those behind it.
   */
  post<T>(service: string, path: string, body: unknown, step: string): Promise<T>;
}

export type Handler = (context: Context) => unknown;

export interface Service {
  /** How long a request keeps this service busy before it answers: waiting, as for a database, not computing. */
  readonly workMs: number;
  /** `GET /cards/:customer` to its handler. */
  readonly routes: Readonly<Record<string, Handler>>;
}

/** A service behind this one did not answer 2xx. */
export class CallError extends Error {}

/** Thrown by a handler to answer with this status. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Where the process listens, and whom it calls. */
export interface Place {
  readonly service: string;
  readonly replica: string;
  readonly port: number;
  /** Address to listen on. */
  readonly host: string;
  /** Address of the mesh: `127.0.0.1:4140`; null: the service's own name is called. */
  readonly mesh: string | null;
  /** What a service is called where its name alone is not enough: `ledger` to `ledger.core`. */
  readonly hosts: Readonly<Record<string, string>>;
  /** Faults are read from standard input, whose end ends the process. */
  readonly hasKnob: boolean;
}

/** Headers that tie the calls of one request together; passed on as they came. */
const passedOn = ['x-request-id', 'traceparent', 'tracestate', 'b3', 'x-customer'] as const;

/** Serves until SIGTERM, then finishes what runs and exits. */
export function serve(service: Service, place: Place): void {
  const faults = place.hasKnob ? createFaults(service.workMs) : { workMs: service.workMs, status: 0 };
  let served = 0;
  let running = 0;
  let stopping = false;

  async function answer(request: Request, params: Context['params'], handler: Handler): Promise<Response> {
    running++;
    try {
      if (faults.status !== 0)
        return Response.json({ error: 'broken on purpose' }, { status: faults.status });
      if (faults.workMs > 0) await Bun.sleep(faults.workMs);
      const result = await handler(createContext(place, request, params));
      served++;
      return Response.json(result);
    } catch (error) {
      if (error instanceof Refusal) return Response.json({ error: error.message }, { status: error.status });
      if (!(error instanceof CallError)) console.error(error);
      return Response.json({ error: String(error) }, { status: error instanceof CallError ? 503 : 500 });
    } finally {
      running--;
    }
  }

  const routes: Record<string, Record<string, (request: Bun.BunRequest) => Promise<Response>>> = {};
  for (const [route, handler] of Object.entries(service.routes)) {
    const [method = '', path = ''] = route.split(' ');
    routes[path] = { ...routes[path], [method]: (request) => answer(request, request.params, handler) };
  }

  const server = Bun.serve({
    hostname: place.host,
    port: place.port,
    idleTimeout: 120,
    routes: {
      ...routes,
      // Faults do not touch it: a failing or slow replica that still calls itself ready is the harder case for a mesh.
      '/healthz': () =>
        Response.json(
          { service: place.service, replica: place.replica, served },
          { status: stopping ? 503 : 200 },
        ),
    },
    fetch: () => Response.json({ error: 'no such path' }, { status: 404 }),
  });

  process.on('SIGTERM', async () => {
    stopping = true;
    await server.stop();
    while (running > 0) await Bun.sleep(5);
    process.exit(0);
  });
}

function createContext(place: Place, request: Request, params: Context['params']): Context {
  const key = request.headers.get('idempotency-key');

  async function call<T>(service: string, path: string, init: RequestInit): Promise<T> {
    const headers = new Headers(init.headers);
    const host = place.hosts[service] ?? service;
    headers.set('host', host);
    for (const name of passedOn) {
      const value = request.headers.get(name);
      if (value !== null) headers.set(name, value);
    }
    const response = await fetch(`http://${place.mesh ?? host}${path}`, { ...init, headers }).catch(
      (error) => {
        throw new CallError(`${service}${path}: ${error.message}`);
      },
    );
    const text = await response.text();
    if (!response.ok) throw new CallError(`${service}${path}: ${response.status} ${text.slice(0, 200)}`);
    return JSON.parse(text);
  }

  return {
    params,
    key,
    query: new URL(request.url).searchParams,
    body: <T>() => request.json() as Promise<T>,
    get: (service, path) => call(service, path, {}),
    post: (service, path, body, step) => {
      if (key === null) throw new Refusal(400, 'Idempotency-Key is required');
      const headers = { 'content-type': 'application/json', 'idempotency-key': `${key}/${step}` };
      return call(service, path, { method: 'POST', headers, body: JSON.stringify(body) });
    },
  };
}
