// The control plane's admin interface over HTTP: health, metrics and the mesh as JSON. Read only; on loopback unless
// told otherwise. The console's pages are put in from above (`pages`), since the console is a layer that this one does
// not know.

import { type Log, refuseForeign } from '../../base/index.ts';
import type { ControlPlane } from '../control-plane.ts';
import { createMeshView, createProxiesView } from './mesh-view.ts';
import { encodeMetrics } from './metrics.ts';
import { type Bodies, writeProxyResources } from './proxy-resources.ts';
import { listScrapeTargets } from './scrape-targets.ts';
import { streamPieces } from './stream-pieces.ts';

/** Answers a request, or null when it is not for it. */
export type AdminPages = (request: Request) => Response | Promise<Response> | null;

export interface AdminServerOptions {
  readonly plane: ControlPlane;
  readonly log: Log;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly pages?: AdminPages;
  /** What proxies still wait for once the manifests are read; null: nothing. */
  readonly missing?: () => string | null;
}

export interface AdminServer {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Throws when the address cannot be bound. */
export function serveAdmin(options: AdminServerOptions): AdminServer {
  const server = Bun.serve({
    hostname: options.host,
    port: options.port,
    fetch: (request) => answer(request, options),
    error: (error) => {
      options.log.write('error', 'admin request failed', { error: error.message });
      return new Response('internal error\n', { status: 500 });
    },
  });
  return { host: options.host, port: server.port ?? 0, stop: () => server.stop(true) };
}

function answer(request: Request, options: AdminServerOptions): Response | Promise<Response> {
  const { plane, pages } = options;
  const refusal = refuseForeign(request.headers.get('host'), request.headers.get('origin'));
  if (refusal !== null) return new Response(`${refusal}\n`, { status: 403 });
  const { pathname, searchParams } = new URL(request.url);
  switch (request.method === 'GET' || request.method === 'HEAD' ? pathname : '') {
    case '/healthz':
      return new Response('ok\n');
    case '/ready':
      return answerReady(options);
    case '/metrics':
      return new Response(encodeMetrics(plane), {
        headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
      });
    case '/api/v1/mesh':
      return Response.json(createMeshView(plane), { headers: { 'cache-control': 'no-store' } });
    case '/api/v1/scrape-targets':
      // Prometheus keeps the list that it has where there is no answer.
      return plane.synced
        ? Response.json(listScrapeTargets(plane.catalog))
        : new Response('reading the manifests\n', { status: 503 });
    case '/api/v1/proxies':
      return Response.json(createProxiesView(plane), { headers: { 'cache-control': 'no-store' } });
    case '/api/v1/xds':
      return answerProxy(plane, searchParams);
  }
  return pages?.(request) ?? new Response('not found\n', { status: 404 });
}

function answerReady({ plane, missing }: AdminServerOptions): Response {
  const reason = plane.synced ? (missing?.() ?? null) : 'reading the manifests';
  return reason === null ? new Response('ready\n') : new Response(`${reason}\n`, { status: 503 });
}

const bodiesNames: readonly Bodies[] = ['none', 'changed', 'all'];

function answerProxy(plane: ControlPlane, query: URLSearchParams): Response {
  const bodies = bodiesNames.find((name) => name === (query.get('bodies') ?? 'none'));
  if (bodies === undefined)
    return new Response(`bodies: must be one of ${bodiesNames.join(', ')}\n`, { status: 400 });
  const pieces = writeProxyResources(plane, query.get('node') ?? '', bodies);
  if (pieces === null) return new Response('no proxy of that name is connected\n', { status: 404 });
  const headers = { 'cache-control': 'no-store', 'content-type': 'application/json;charset=utf-8' };
  return new Response(streamPieces(pieces), { headers });
}
