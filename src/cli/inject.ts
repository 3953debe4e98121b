// `weft inject`: sidecars into manifests, from files or standard input; or the same as a mutating webhook.

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import {
  answerReview,
  type InjectOptions,
  injectManifests,
  meshPorts,
  reviewBytesMax,
  xdsAddress,
} from '../deploy/index.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import { version } from './version.ts';

interface InjectFlags extends InjectOptions {
  readonly webhook?: true;
  readonly listen: string;
  readonly cert?: string;
  readonly key?: string;
}

async function run(paths: readonly string[], flags: InjectFlags): Promise<void> {
  if (flags.webhook === true) return await serve(flags);
  const texts = (paths.length === 0 ? ['-'] : paths).map(read);
  const done = injectManifests(texts.join('\n---\n'), flags);
  for (const line of done.faults) console.error(`weft inject: ${line}`);
  if (done.faults.length > 0) throw new Exit(exitCode.notFine);
  process.stdout.write(done.text);
  for (const line of done.left) console.error(`left as it is: ${line}`);
  console.error(`${done.injected} injected, ${done.left.length} left as they are`);
}

function read(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (cause) {
    throw new Exit(exitCode.usage, `weft inject: ${path} cannot be read: ${String(cause)}`);
  }
}

/** Until SIGTERM. The API server asks over TLS only. */
async function serve(flags: InjectFlags): Promise<void> {
  const { listen, cert, key } = flags;
  if (cert === undefined || key === undefined)
    throw new Exit(exitCode.usage, 'weft inject: --webhook wants --cert and --key');
  const [, host, port] = /^(.*):(\d{1,5})$/.exec(listen) ?? [];
  if (host === undefined)
    throw new Exit(exitCode.usage, `weft inject: --listen must be HOST:PORT (got ${listen})`);
  const server = Bun.serve({
    hostname: host,
    port: Number(port),
    tls: { cert: read(cert), key: read(key) },
    maxRequestBodySize: reviewBytesMax,
    fetch: async (request) => await answer(request, flags),
  });
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
  });
  await server.stop();
  process.exit(exitCode.fine);
}

async function answer(request: Request, flags: InjectFlags): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (request.method === 'GET' && pathname === '/ready') return new Response('ready\n');
  if (request.method !== 'POST' || pathname !== '/inject')
    return new Response('not found\n', { status: 404 });
  const review = answerReview(await request.json().catch(() => null), flags);
  return review === null
    ? new Response('the body must be an AdmissionReview of admission.k8s.io/v1\n', { status: 400 })
    : Response.json(review);
}

export const command: CliCommand = new Command('inject')
  .description('Put a sidecar into every pod of the manifests, and print them.')
  .argument('[path...]', 'files, or - for standard input')
  .option('--image <name>', 'of Weft', `weft:${version}`)
  .option('--xds <address>', 'the control plane: HOST:PORT', xdsAddress('weft-system'))
  .option('--webhook', 'serve POST /inject to the API server instead')
  .option('--listen <address>', 'where the webhook listens', `0.0.0.0:${meshPorts.webhook}`)
  .option('--cert <file>', "the webhook's certificate, PEM")
  .option('--key <file>', 'and its key')
  .action(run);
