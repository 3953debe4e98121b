// The console behind any HTTP server: a request in, a response out, or null for a path that is not the console's.

import { assets } from './assets.ts';
import type { Collector } from './collector.ts';
import { consoleLimits } from './limits.ts';

export interface ConsoleOptions {
  readonly collector: Collector;
  /** Hands an operator's words to the demo that runs beside; null: there is none, and the path does not exist. */
  readonly command:
    | ((words: readonly string[]) => Promise<{ readonly ok: boolean; readonly message: string }>)
    | null;
}

/** Null: the path is not the console's. */
export type ConsoleHandler = (request: Request) => Response | Promise<Response> | null;

/** Own files only, no frames, no forms elsewhere. */
const pageHeaders = {
  'content-security-policy':
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const;

export function createConsole({ collector, command }: ConsoleOptions): ConsoleHandler {
  return (request) => {
    const { pathname } = new URL(request.url);
    const asset = Object.hasOwn(assets, pathname) ? assets[pathname] : undefined;
    if (asset !== undefined && request.method === 'GET') {
      return new Response(asset.body, { headers: { ...pageHeaders, 'content-type': asset.type } });
    }
    if (pathname === '/console/state' && request.method === 'GET') return answerState(collector);
    if (pathname === '/console/history' && request.method === 'GET')
      return Response.json(collector.history, { headers: pageHeaders });
    if (pathname === '/console/command' && request.method === 'POST' && command !== null) {
      return answerCommand(request, command);
    }
    return null;
  };
}

async function answerState(collector: Collector): Promise<Response> {
  try {
    return Response.json(await collector.state(), { headers: pageHeaders });
  } catch (error) {
    return new Response(`the mesh cannot be read: ${String(error)}`, { status: 503, headers: pageHeaders });
  }
}

async function answerCommand(
  request: Request,
  command: NonNullable<ConsoleOptions['command']>,
): Promise<Response> {
  const refusal = refuseForeign(request);
  if (refusal !== null) return new Response(refusal, { status: 403, headers: pageHeaders });
  const text = await request.text();
  const words = text.length <= consoleLimits.commandBodyBytesMax ? parseWords(text) : null;
  if (words === null)
    return new Response('the body must be {"words": ["VERB", …]}', { status: 400, headers: pageHeaders });
  const { ok, message } = await command(words);
  return new Response(message, { status: ok ? 200 : 400, headers: pageHeaders });
}

/**
 * A page of another site may post to loopback, or reach it under a name of its own by DNS rebinding: a command must
 * come from our own page, under a loopback name. JSON as content type keeps plain forms out.
 */
function refuseForeign(request: Request): string | null {
  const host = request.headers.get('host') ?? '';
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host)) return 'commands are taken on loopback only';
  if (request.headers.get('origin') !== `http://${host}`) return 'commands are taken from the console only';
  return request.headers.get('content-type') === 'application/json' ? null : 'commands are JSON';
}

function parseWords(text: string): readonly string[] | null {
  try {
    const body: unknown = JSON.parse(text);
    const words = typeof body === 'object' && body !== null && 'words' in body ? body.words : null;
    return Array.isArray(words) && words.every((word) => typeof word === 'string') ? words : null;
  } catch {
    return null;
  }
}
