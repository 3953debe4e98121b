// Who we are, kept fresh: token files are read again, exec plugins are asked again before their credential expires, and
// a refused credential (401) is dropped at once.

import { readFile } from 'node:fs/promises';
import { type Clock, fail, MeshError, ok, type Result } from '../../base/index.ts';
import type { ClusterAccess, CredentialSource, ExecPlugin, PemSource } from './kubeconfig.ts';
import { kubeLimits } from './limits.ts';
import { textOf } from './types.ts';

/** What one request shows of us. */
export interface Credential {
  /** Value of `Authorization`; empty: none. */
  readonly authorization: string;
  readonly certificate: string | null;
  readonly key: string | null;
  readonly ca: string | null;
}

interface Held {
  readonly credential: Credential;
  /** Wall time at which it ends. */
  readonly expiresAtMs: number;
  /** Clock time after which it is fetched anew even so. */
  readonly againMs: number;
}

/** Environment variables, handed to exec plugins: they look for their own settings and for PATH there. */
export type Environment = Readonly<Record<string, string | undefined>>;

export class Credentials {
  private readonly access: ClusterAccess;
  private readonly clock: Clock;
  private readonly environment: Environment;
  private held: Held | null = null;
  private running: Promise<Result<Credential, MeshError>> | null = null;

  constructor(access: ClusterAccess, clock: Clock, environment: Environment) {
    this.access = access;
    this.clock = clock;
    this.environment = environment;
  }

  /** The credential to use now. Requests that ask at once share one refresh. */
  async get(): Promise<Result<Credential, MeshError>> {
    const { held, clock } = this;
    if (held !== null && clock.wall() < held.expiresAtMs && clock.now() < held.againMs)
      return ok(held.credential);
    this.running ??= this.refresh().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  /** The API server refused it. */
  drop(): void {
    this.held = null;
  }

  private async refresh(): Promise<Result<Credential, MeshError>> {
    const { ca, certificate, key, credential } = this.access;
    try {
      const shown = await show(credential, this.access, this.environment);
      const value: Credential = {
        authorization: shown.authorization,
        certificate: shown.certificate ?? (await readPem(certificate)),
        key: shown.key ?? (await readPem(key)),
        ca: await readPem(ca),
      };
      // Files may be replaced under us, whichever of them they are.
      const againMs = this.clock.now() + kubeLimits.tokenReadMs;
      this.held = { credential: value, expiresAtMs: shown.expiresAtMs, againMs };
      return ok(value);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return fail(
        new MeshError('storage', 'internal', 'yes', `no credential for the API server: ${reason}`, cause),
      );
    }
  }
}

interface Shown {
  readonly authorization: string;
  readonly certificate: string | null;
  readonly key: string | null;
  readonly expiresAtMs: number;
}

const never = Number.POSITIVE_INFINITY;

async function show(
  source: CredentialSource,
  access: ClusterAccess,
  environment: Environment,
): Promise<Shown> {
  const plain = (authorization: string): Shown => ({
    authorization,
    certificate: null,
    key: null,
    expiresAtMs: never,
  });
  switch (source.kind) {
    case 'none':
      return plain('');
    case 'token':
      return plain(`Bearer ${source.token}`);
    case 'token-file':
      return plain(`Bearer ${(await readFile(source.path, 'utf8')).trim()}`);
    case 'basic':
      return plain(`Basic ${Buffer.from(`${source.username}:${source.password}`).toString('base64')}`);
    case 'exec':
      return await runPlugin(source.plugin, access, environment);
  }
}

/** Runs a client-go credential plugin: ExecCredential in `KUBERNETES_EXEC_INFO`, ExecCredential out on its output. */
async function runPlugin(
  plugin: ExecPlugin,
  access: ClusterAccess,
  environment: Environment,
): Promise<Shown> {
  const cluster = plugin.provideClusterInfo
    ? { server: access.server, 'insecure-skip-tls-verify': !access.verify }
    : undefined;
  const info = {
    apiVersion: plugin.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(cluster === undefined ? {} : { cluster }) },
  };
  const child = Bun.spawn([plugin.command, ...plugin.args], {
    env: { ...environment, ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: kubeLimits.execTimeoutMs,
    maxBuffer: 1024 * 1024,
  });
  const [text, complaint, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0)
    throw new Error(`the plugin ${plugin.command} ended with ${code}: ${complaint.trim().slice(0, 500)}`);
  return readExecCredential(plugin.command, text);
}

export function readExecCredential(command: string, text: string): Shown {
  const value: unknown = JSON.parse(text);
  const token = textOf(value, 'status', 'token');
  const certificate = textOf(value, 'status', 'clientCertificateData');
  const key = textOf(value, 'status', 'clientKeyData');
  if (token === '' && certificate === '')
    throw new Error(`the plugin ${command} gave neither token nor certificate`);
  const expires = Date.parse(textOf(value, 'status', 'expirationTimestamp'));
  return {
    authorization: token === '' ? '' : `Bearer ${token}`,
    certificate: certificate === '' ? null : certificate,
    key: key === '' ? null : key,
    expiresAtMs: Number.isNaN(expires) ? never : expires - kubeLimits.tokenMarginMs,
  };
}

async function readPem(source: PemSource | null): Promise<string | null> {
  if (source === null) return null;
  return source.kind === 'text' ? source.text : await readFile(source.path, 'utf8');
}
