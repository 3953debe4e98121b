// Programs that tests meet as peers. Where one is missing its tests are skipped with the reason, except in CI, where that is a failure.

import { describe } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './real.ts';

export function describeWith(programs: readonly string[], name: string, body: () => void): void {
  const missing = programs.filter((program) => Bun.which(program) === null);
  if (missing.length > 0 && process.env['CI'] !== 'true') {
    console.log(`${name}: skipped, ${missing.join(', ')} is not installed`);
    describe.skip(name, body);
    return;
  }
  describe(name, body);
}

export interface Output {
  readonly status: number;
  readonly text: string;
}

export async function run(command: readonly string[]): Promise<Output> {
  const child = Bun.spawn([...command], { stdout: 'pipe', stderr: 'pipe' });
  const text = await new Response(child.stdout).text();
  return { status: await child.exited, text };
}

/** nginx with `servers` in its http block, on free ports that the caller chose; ends with `stop`. */
export async function startNginx(servers: string, port: number): Promise<{ stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-nginx-'));
  const path = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  writeFileSync(
    path,
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 256; }
http { access_log off; ${temporary.join(' ')} ${servers} }`,
  );
  const child = Bun.spawn(['nginx', '-e', join(folder, 'error.log'), '-c', path], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  let ready = false;
  const probe = async (): Promise<void> => {
    while (!ready && child.exitCode === null)
      ready = await fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      );
  };
  void probe();
  await until('nginx', () => ready, 10_000);
  return {
    stop: async () => {
      child.kill('SIGKILL');
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A port that was free a moment ago. */
export function freePort(): number {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
