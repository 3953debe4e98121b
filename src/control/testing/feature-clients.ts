// Clients of the control plane, of four makes, that are asked to call Services by gRPC: real Envoys (calls go through
// their outbound listeners), and gRPC's own xDS clients in programs of their own.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { type Envoy, startAdsEnvoy } from '../../testing/envoy.ts';
import type { Echoed } from '../../testing/grpc-echo.ts';
import { Said } from '../../testing/said.ts';
import { until } from '../../testing/until.ts';

export interface Call {
  readonly host: string;
  /** Default `/shop.Cart/Get`. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
}

/** The name of gRPC's status, and what the server that answered was asked; null: none did. */
export interface Outcome {
  readonly code: string;
  readonly echoed: Echoed | null;
  readonly details: string;
}

export interface FeatureClient {
  readonly node: string;
  call(call: Call): Promise<Outcome>;
  stop(): Promise<void>;
}

const deadlineMs = 10_000;
const same = (bytes: Buffer) => bytes;

function outcomeOf(code: number, details: string, body: string): Outcome {
  return {
    code: status[code] ?? `${code}`,
    details,
    echoed: body === '' ? null : (JSON.parse(body) as Echoed),
  };
}

export interface EnvoyClient extends FeatureClient {
  readonly envoy: Envoy;
}

export interface EnvoyClientOptions {
  readonly node: string;
  readonly apiType: 'GRPC' | 'DELTA_GRPC';
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly xdsPort: number;
  readonly outbound: number;
  readonly zone: string;
}

export async function startEnvoyClient(options: EnvoyClientOptions): Promise<EnvoyClient> {
  const { node, outbound } = options;
  const envoy = await startAdsEnvoy({ ...options, nodeId: node, cluster: 'keeper' });
  const clients = new Map<string, Client>();
  const clientOf = (host: string): Client => {
    const known = clients.get(host);
    if (known !== undefined) return known;
    const client = new Client(`127.0.0.1:${outbound}`, credentials.createInsecure(), {
      'grpc.default_authority': host,
      'grpc.initial_reconnect_backoff_ms': 100,
    });
    clients.set(host, client);
    return client;
  };
  return {
    node,
    envoy,
    call: (call) => callThrough(clientOf(call.host), call),
    async stop() {
      for (const client of clients.values()) client.close();
      await envoy.stop();
    },
  };
}

function callThrough(client: Client, call: Call): Promise<Outcome> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(call.headers ?? {})) metadata.set(name, value);
  const options = { deadline: Date.now() + (call.deadlineMs ?? deadlineMs) };
  const path = call.path ?? defaultPath;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, Buffer.alloc(0), metadata, options, (error, bytes) => {
      const { code = 0, details = '' } = (error ?? {}) as Partial<ServiceError>;
      resolve(outcomeOf(code, details, bytes?.toString() ?? ''));
    });
  });
}

const defaultPath = '/shop.Cart/Get';

interface Answer {
  readonly id: number;
  readonly code: number;
  readonly details: string;
  readonly body: string;
}

export interface ProxylessOptions {
  readonly node: string;
  readonly command: readonly string[];
  readonly folder: string;
  readonly xdsPort: number;
  readonly zone: string;
}

/** A program that reads calls as lines of JSON and writes a line of each one's outcome. */
export function startProxyless({ node, command, folder, xdsPort, zone }: ProxylessOptions): FeatureClient {
  const bootstrap = join(folder, `${node}.json`);
  writeFileSync(
    bootstrap,
    JSON.stringify({
      xds_servers: [{ server_uri: `127.0.0.1:${xdsPort}`, channel_creds: [{ type: 'insecure' }] }],
      node: { id: node, locality: { zone } },
    }),
  );
  const child = Bun.spawn([...command], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    env: { ...process.env, GRPC_XDS_BOOTSTRAP: bootstrap },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'ignore',
  });
  const said = new Said(child.stdout);
  let calls = 0;
  return {
    node,
    async call({ host, path = defaultPath, headers = {}, deadlineMs: within = deadlineMs }) {
      calls += 1;
      const id = calls;
      child.stdin.write(`${JSON.stringify({ id, host, path, headers, deadlineMs: within })}\n`);
      await child.stdin.flush();
      let answer: Answer | undefined;
      await until(`${node} answers`, () => {
        const line = said.of('answer').find((one) => one.startsWith(`{"id":${id},`));
        if (line !== undefined) answer = JSON.parse(line) as Answer;
        return answer !== undefined;
      });
      return outcomeOf(answer?.code ?? -1, answer?.details ?? '', answer?.body ?? '');
    },
    async stop() {
      child.kill('SIGKILL');
      await child.exited;
      await said.whole;
    },
  };
}
