// Which API server to ask, and as whom: flags before environment, a pod's own account where there is no kubeconfig, as
// kubectl and client-go do.

import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type Clock, fail, formatIssue, type Log, type Result } from '../base/index.ts';
import {
  type ClusterAccess,
  createFetchApi,
  inClusterAccess,
  type KubeApi,
  KubernetesSource,
  listWatchedKinds,
  parseKubeconfig,
} from '../control/index.ts';
import { createSystemRandom } from '../net/index.ts';
import { Exit, exitCode } from './command.ts';
import { version } from './version.ts';

/** Which API server: options of every command that asks one. */
export interface AccessFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
}

export interface KubernetesFlags extends AccessFlags {
  readonly namespace: readonly string[];
}

/** The kubelet mounts a pod's account here. */
export const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface KubernetesAccess {
  readonly api: KubeApi;
  readonly source: KubernetesSource;
}

export function openKubernetes(flags: KubernetesFlags, clock: Clock, log: Log): KubernetesAccess {
  const access = findAccess(flags, 'weft control');
  const api = createFetchApi({
    access,
    clock,
    environment: process.env,
    userAgent: `weft-control/${version}`,
  });
  log.write('info', 'reads Kubernetes', {
    server: access.server,
    namespaces: flags.namespace.join(' ') || 'all',
  });
  const source = new KubernetesSource({
    api,
    clock,
    random: createSystemRandom(),
    log,
    kinds: listWatchedKinds(),
    namespaces: flags.namespace,
  });
  return { api, source };
}

/** `command` begins what it says of a fault. */
export function findAccess(flags: AccessFlags, command: string): ClusterAccess {
  const { KUBECONFIG: named, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  const fallback = join(homedir(), '.kube', 'config');
  const paths = flags.kubeconfig ?? named ?? '';
  if (paths === '' && flags.context === undefined && host !== undefined && host !== '')
    return inClusterAccess(host, port ?? '443', accountFolder);
  if (paths === '' && !existsSync(fallback))
    throw usage(command, 'no API server is known: name one by --kubeconfig or KUBECONFIG');
  const access = readKubeconfig(paths === '' ? fallback : paths, flags.context ?? '');
  if (!access.ok) throw usage(command, access.error);
  return access.value;
}

function readKubeconfig(path: string, context: string): Result<ClusterAccess, string> {
  // kubectl merges them; which file's relative paths and which context count would be guesswork.
  if (path.includes(':'))
    return fail(`KUBECONFIG names several files; choose one by --kubeconfig (got ${path})`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return fail(
      `cannot read the kubeconfig ${path}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const access = parseKubeconfig(path, text, dirname(resolve(path)), context);
  return access.ok ? access : fail(access.error.map(formatIssue).join('\n'));
}

function usage(command: string, message: string): Exit {
  return new Exit(exitCode.usage, `${command}: ${message}`);
}
