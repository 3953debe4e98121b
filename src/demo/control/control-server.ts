// The running demo's control interface, on loopback for its owner alone. Any page a browser shows can send requests to
// loopback, so every request must name this address as its host, carry the token, and come from no other origin.

import { timingSafeEqual } from 'node:crypto';
import { controlBodyBytesMax } from '../machine/limits.ts';
import type { CommandResult } from './commands.ts';
import type { DemoStatus } from './status.ts';

export interface ControlHost {
  status(): DemoStatus;
  command(words: readonly string[]): CommandResult;
}

export interface ControlServer {
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

/**
 * `GET /status` -> {@link DemoStatus}; `POST /command` with `{"words": ["kill", "ledger-1"]}` -> {@link CommandResult}.
 * Both want `Authorization: Bearer TOKEN`.
 */
export function serveControl(port: number, host: ControlHost): ControlServer {
  const token = Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString('base64url');
  const authority = `127.0.0.1:${port}`;
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port,
    maxRequestBodySize: controlBodyBytesMax,
    async fetch(request) {
      const refusal = refuse(request, authority, token);
      if (refusal !== null) return refusal;
      const { pathname } = new URL(request.url);
      if (request.method === 'GET' && pathname === '/status') return Response.json(host.status());
      if (request.method !== 'POST' || pathname !== '/command') return answer(404, 'no such path');
      const words = parseWords(await request.text());
      if (words === null) return answer(400, 'the body must be {"words": ["VERB", …]}');
      const result = host.command(words);
      return Response.json(result, { status: result.ok ? 200 : 400 });
    },
  });
  return { url: `http://${authority}`, token, close: () => server.stop(true) };
}

function refuse(request: Request, authority: string, token: string): Response | null {
  // A page of another site that found this port by DNS rebinding sends that site's name.
  if (request.headers.get('host') !== authority) return answer(421, 'another host');
  const origin = request.headers.get('origin');
  if (origin !== null && origin !== `http://${authority}`) return answer(403, 'another origin');
  const given = Buffer.from(request.headers.get('authorization') ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    return answer(401, 'token missing or wrong');
  return null;
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

function answer(status: number, message: string): Response {
  return Response.json({ ok: false, message }, { status });
}
