// The foreign services of tools/peers/go-services, built and run for one test file: lines of its output by their first
// word.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../testing/programs.ts';
import { Said } from '../../testing/said.ts';
import { cluster, typed } from './beside-envoy.ts';

const source = fileURLToPath(new URL('../../../tools/peers/go-services', import.meta.url));
/** A first build downloads and compiles gRPC. */
export const goBuildMs = 600_000;
const http = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export class GoServices {
  /** Of its services of gRPC, and of those over HTTP. */
  port = 0;
  httpPort = 0;
  private readonly folder = mkdtempSync(join(tmpdir(), 'weft-services-'));
  private child: Bun.Subprocess<'ignore', 'pipe', 'inherit'> | null = null;
  private output: Said | null = null;

  async start(): Promise<void> {
    const binary = join(this.folder, 'peer');
    const built = await run(['go', 'build', '-C', source, '-o', binary, '.']);
    if (built.code !== 0) throw new Error(`go build: ${built.err}`);
    this.child = Bun.spawn([binary], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.output = new Said(this.child.stdout);
    for (const word of ['port', 'http']) await this.output.hear([word]);
    this.port = Number(this.said('port')[0]);
    this.httpPort = Number(this.said('http')[0]);
  }

  async stop(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.child?.exited;
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What follows `word` in the lines that begin with it. */
  said(word: string): readonly string[] {
    return this.output?.of(word) ?? [];
  }
}

/** A cluster that speaks HTTP/2. */
export function http2Cluster(name: string, port: number): object {
  const options = { explicit_http_config: { http2_protocol_options: {} } };
  return cluster(name, port, { typed_extension_protocol_options: { [http]: typed(http, options) } });
}
