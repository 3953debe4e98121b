// A real nginx for peer tests.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Program, startProgram } from './programs.ts';

const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** nginx with `servers` in its http block, one of them on `port`, which the caller chose. */
export function startNginx(servers: string, port: number): Promise<Program> {
  return startProgram({
    command(folder) {
      const path = join(folder, 'nginx.conf');
      writeFileSync(
        path,
        `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/log;
events { worker_connections 512; }
http { access_log off; ${temporary.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')} ${servers} }`,
      );
      return ['nginx', '-e', join(folder, 'log'), '-c', path];
    },
    ready: async () => (await fetch(`http://127.0.0.1:${port}/`)).ok,
  });
}
