// The webhook's server: TLS for the API server, whose certificate is read again while it runs; and its counts in plain
// text at a port of their own, for Prometheus trusts no certificate of ours.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Log } from '../base/index.ts';
import type { SidecarWishes } from '../control/index.ts';
import type { InjectOptions } from './inject.ts';
import { reviewBytesMax } from './limits.ts';
import { answerReview } from './webhook.ts';
import { WebhookCounts } from './webhook-counts.ts';

export interface WebhookServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Of `/metrics` and `/ready`; null: none. */
  readonly metricsPort: number | null;
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
  readonly inject: InjectOptions;
  /** What ServicePolicies say of sidecars; null: nobody reads them. */
  readonly wishes: SidecarWishes | null;
  readonly log: Log;
}

/** How often the files of the certificate are looked at; the kubelet brings a changed Secret in about a minute. */
export const certificateReadMs = 10_000;

type Server = ReturnType<typeof Bun.serve>;

export class WebhookServer {
  readonly counts = new WebhookCounts();
  readonly port: number;
  readonly metricsPort: number;
  private readonly options: WebhookServerOptions;
  private readonly metrics: Server | null;
  private server: Server;
  /** In use. */
  private pair: Pair;
  private told = '';

  /** Throws where the files cannot be read, hold no pair, or the address is taken. */
  constructor(options: WebhookServerOptions) {
    this.options = options;
    const { cert, key } = options;
    const pair = readPair(cert, key);
    this.pair = pair;
    this.server = this.serve(options.port, pair);
    this.port = this.server.port ?? 0;
    this.metrics = options.metricsPort === null ? null : this.serveMetrics(options.metricsPort);
    this.metricsPort = this.metrics?.port ?? 0;
  }

  /**
   * Looks at the files, and serves new connections with what is in them from now on. A pair that does not fit (a Secret
   * that is being replaced, a fault) leaves the one in use.
   */
  async renew(): Promise<void> {
    const { server: before } = this;
    try {
      const pair = readPair(this.options.cert, this.options.key);
      if (pair.cert === this.pair.cert && pair.key === this.pair.key) return;
      assertPair(pair);
      // Both listen for a moment: nobody is turned away.
      this.server = this.serve(this.port, pair);
      this.pair = pair;
    } catch (error) {
      this.tell(error instanceof Error ? error.message : String(error));
      return;
    }
    this.told = '';
    this.counts.renewed++;
    this.options.log.write('info', 'the certificate was renewed');
    await before.stop();
  }

  async stop(): Promise<void> {
    await Promise.all([this.server.stop(), this.metrics?.stop()]);
  }

  private tell(reason: string): void {
    if (this.told === reason) return;
    this.told = reason;
    this.options.log.write('warn', 'the new certificate cannot be used, the old one is', { reason });
  }

  private serve(port: number, pair: Pair): Server {
    const { host } = this.options;
    return Bun.serve({
      hostname: host,
      port,
      reusePort: true,
      tls: { ...pair },
      maxRequestBodySize: reviewBytesMax,
      fetch: async (request) => await this.answer(request),
    });
  }

  private serveMetrics(port: number): Server {
    return Bun.serve({
      hostname: this.options.host,
      port,
      fetch: (request) =>
        new URL(request.url).pathname === '/metrics'
          ? new Response(this.counts.encode(this.options.wishes?.synced === true), {
              headers: { 'content-type': 'text/plain; version=0.0.4' },
            })
          : new Response('not found\n', { status: 404 }),
    });
  }

  private async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method === 'GET' && pathname === '/ready') return new Response('ready\n');
    if (request.method !== 'POST' || pathname !== '/inject')
      return new Response('not found\n', { status: 404 });
    const { inject, wishes } = this.options;
    const answer = answerReview(
      await request.json().catch(() => null),
      inject,
      (namespace, labels) => wishes?.wishFor(namespace, labels) ?? {},
    );
    if (answer === null) {
      this.counts.add({ kind: 'refused', code: 'no-review' });
      return new Response('the body must be an AdmissionReview of admission.k8s.io/v1\n', { status: 400 });
    }
    this.counts.add(answer.outcome);
    const { kind, code } = answer.outcome;
    if (kind !== 'injected') this.options.log.write('debug', 'a pod was left as it is', { kind, code });
    return Response.json(answer.review);
  }
}

/** PEM. */
interface Pair {
  readonly cert: string;
  readonly key: string;
}

function readPair(cert: string, key: string): Pair {
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

/** Throws where they do not belong together: of a Secret that is being replaced one may be the old one. */
function assertPair({ cert, key }: Pair): void {
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error('the key is not that of the certificate');
}
