// How to reach an API server and who we are there: from a kubeconfig file as kubectl reads it, or from what a pod is
// given. Reading files and running exec plugins is left to credentials.ts; this is text in, value or issues out.

import { isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { fail, type Issue, ok, type Result } from '../../base/index.ts';
import { fieldOf, isRecord, type KubeObject, textOf } from './types.ts';

/** A PEM as text, or the path of its file. */
export type PemSource =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string };

export interface ExecPlugin {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly apiVersion: string;
  readonly provideClusterInfo: boolean;
}

/** How a request says who sends it. A client certificate may stand beside it. */
export type CredentialSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'token-file'; readonly path: string }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'exec'; readonly plugin: ExecPlugin };

export interface ClusterAccess {
  /** Base URL without a trailing slash. */
  readonly server: string;
  /** Null: the system's roots. */
  readonly ca: PemSource | null;
  readonly verify: boolean;
  /** Name to verify instead of the URL's; empty: the URL's. */
  readonly serverName: string;
  readonly certificate: PemSource | null;
  readonly key: PemSource | null;
  readonly credential: CredentialSource;
  /** Namespace of the context; `default` where it names none. */
  readonly namespace: string;
}

/** What a pod is given (Kubernetes documentation, "Accessing the API from a Pod"). */
export function inClusterAccess(host: string, port: string, folder: string): ClusterAccess {
  const authority = host.includes(':') ? `[${host}]` : host;
  return {
    server: `https://${authority}:${port}`,
    ca: { kind: 'file', path: `${folder}/ca.crt` },
    verify: true,
    serverName: '',
    certificate: null,
    key: null,
    credential: { kind: 'token-file', path: `${folder}/token` },
    namespace: 'default',
  };
}

/**
 * Picks a context of a kubeconfig (`context` empty: its current one). Relative paths are relative to `folder`, the
 * file's. Refuses what it would otherwise ignore in silence (auth-provider, impersonation, proxy-url).
 */
export function parseKubeconfig(
  file: string,
  text: string,
  folder: string,
  context: string,
): Result<ClusterAccess> {
  const config = parseYaml(text);
  if (config === null) return fail([issue(file, '', 'is not a kubeconfig', '')]);
  const name = context === '' ? textOf(config, 'current-context') : context;
  if (name === '') return fail([issue(file, 'current-context', 'must be set, or a context be named', '')]);
  const entry = findNamed(config, 'contexts', name, 'context');
  if (entry === null) return fail([issue(file, 'contexts', 'must hold the context', name)]);
  const clusterName = textOf(entry, 'cluster');
  const cluster = findNamed(config, 'clusters', clusterName, 'cluster');
  if (cluster === null)
    return fail([issue(file, 'clusters', 'must hold the context’s cluster', clusterName)]);
  const userName = textOf(entry, 'user');
  const user = findNamed(config, 'users', userName, 'user') ?? {};
  const issues = listUnsupported(file, `clusters[${clusterName}].cluster`, cluster, ['proxy-url']);
  issues.push(...listUnsupported(file, `users[${userName}].user`, user, unsupportedUserFields));
  const server = textOf(cluster, 'server').replace(/\/+$/, '');
  if (!/^https?:\/\/[^/]/.test(server))
    issues.push(
      issue(file, `clusters[${clusterName}].cluster.server`, 'must be an http or https URL', server),
    );
  const pem = (object: KubeObject, field: string) => pemOf(object, field, folder);
  const access: ClusterAccess = {
    server,
    ca: pem(cluster, 'certificate-authority'),
    verify: fieldOf(cluster, 'insecure-skip-tls-verify') !== true,
    serverName: textOf(cluster, 'tls-server-name'),
    certificate: pem(user, 'client-certificate'),
    key: pem(user, 'client-key'),
    credential: credentialOf(user, folder),
    namespace: textOf(entry, 'namespace') || 'default',
  };
  if ((access.certificate === null) !== (access.key === null))
    issues.push(
      issue(file, `users[${userName}].user`, 'must have client-certificate and client-key together', ''),
    );
  return issues.length > 0 ? fail(issues) : ok(access);
}

const unsupportedUserFields = ['auth-provider', 'as', 'as-uid', 'as-groups', 'as-user-extra'];

function parseYaml(text: string): KubeObject | null {
  try {
    const value: unknown = parse(text);
    return isRecord(value) ? value : null;
  } catch {
    // The library tells of broken text only this way; the caller names the file.
    return null;
  }
}

/** The `field` of the entry of that name: kubeconfig keeps its maps as lists. The first one counts, as for kubectl. */
function findNamed(config: KubeObject, list: string, name: string, field: string): KubeObject | null {
  const entries = config[list];
  if (!Array.isArray(entries)) return null;
  const entry: unknown = entries.find((one) => textOf(one, 'name') === name);
  const value = fieldOf(entry, field);
  return isRecord(value) ? value : null;
}

/** `<field>-data` in base64 wins over `<field>`, a path, as for kubectl. */
function pemOf(object: KubeObject, field: string, folder: string): PemSource | null {
  const data = textOf(object, `${field}-data`);
  if (data !== '') return { kind: 'text', text: Buffer.from(data, 'base64').toString('utf8') };
  const path = textOf(object, field);
  return path === '' ? null : { kind: 'file', path: resolvePath(folder, path) };
}

function credentialOf(user: KubeObject, folder: string): CredentialSource {
  const plugin = fieldOf(user, 'exec');
  if (isRecord(plugin)) return { kind: 'exec', plugin: pluginOf(plugin, folder) };
  // A file wins over the token beside it: it is the one that is kept fresh.
  const path = textOf(user, 'tokenFile');
  if (path !== '') return { kind: 'token-file', path: resolvePath(folder, path) };
  const token = textOf(user, 'token');
  if (token !== '') return { kind: 'token', token };
  const username = textOf(user, 'username');
  if (username !== '') return { kind: 'basic', username, password: textOf(user, 'password') };
  return { kind: 'none' };
}

function pluginOf(plugin: KubeObject, folder: string): ExecPlugin {
  const command = textOf(plugin, 'command');
  const args = fieldOf(plugin, 'args');
  const env = fieldOf(plugin, 'env');
  return {
    // A command with a slash is a path; one without is looked up in PATH.
    command: command.includes('/') ? resolvePath(folder, command) : command,
    args: Array.isArray(args) ? args.map(String) : [],
    env: Object.fromEntries(
      (Array.isArray(env) ? env : []).map((one: unknown) => [textOf(one, 'name'), textOf(one, 'value')]),
    ),
    apiVersion: textOf(plugin, 'apiVersion') || 'client.authentication.k8s.io/v1',
    provideClusterInfo: fieldOf(plugin, 'provideClusterInfo') === true,
  };
}

function listUnsupported(file: string, path: string, object: KubeObject, fields: readonly string[]): Issue[] {
  return fields
    .filter((field) => object[field] !== undefined && object[field] !== null)
    .map((field) => issue(file, `${path}.${field}`, 'is not supported', ''));
}

function resolvePath(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

function issue(object: string, field: string, rule: string, value: string): Issue {
  return { object, field, rule, value };
}
