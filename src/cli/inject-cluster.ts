// What the webhook asks the API server of its pod for: the version, by which sidecars are native or not, and, for as
// long as it runs, the Services and ServicePolicies that say what sidecars get.

import { existsSync } from 'node:fs';
import type { Log } from '../base/index.ts';
import {
  createFetchApi,
  inClusterAccess,
  type KubeApi,
  KubernetesSource,
  listWishKinds,
  SidecarWishes,
  textOf,
} from '../control/index.ts';
import { type KubernetesVersion, parseKubernetesVersion } from '../deploy/index.ts';
import { createSystemClock, createSystemRandom } from '../net/index.ts';
import { accountFolder } from './kubernetes.ts';
import { version } from './version.ts';

export interface InjectCluster {
  readonly wishes: SidecarWishes;
  /** Null: it could not be learnt. */
  readonly askVersion: () => Promise<KubernetesVersion | null>;
}

/** Then it serves all the same: a pod whose sidecar has what everybody's has is better than one without. */
const syncWaitMs = 10_000;

/** Settles when policies are known, or after ten seconds; null: this is no pod with an account. */
export async function openInjectCluster(log: Log): Promise<InjectCluster | null> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = process.env;
  if (host === '' || !existsSync(`${accountFolder}/token`)) {
    log.write('info', 'no API server is asked: not in a pod with an account');
    return null;
  }
  const clock = createSystemClock();
  const access = inClusterAccess(host, port, accountFolder);
  const api = createFetchApi({
    access,
    clock,
    environment: process.env,
    userAgent: `weft-inject/${version}`,
  });
  const wishes = new SidecarWishes();
  const random = createSystemRandom();
  const source = new KubernetesSource({ api, clock, random, log, kinds: listWishKinds(), namespaces: [] });
  source.start(wishes);
  await Promise.race([new Promise<void>((resolve) => wishes.whenSynced(resolve)), Bun.sleep(syncWaitMs)]);
  if (!wishes.synced) log.write('warn', 'policies of sidecars are not known yet, served without them');
  return { wishes, askVersion: () => askVersion(api, log) };
}

async function askVersion(api: KubeApi, log: Log): Promise<KubernetesVersion | null> {
  const answer = await api.request({ method: 'GET', path: '/version' });
  const said = answer.ok ? textOf(answer.value.body, 'gitVersion') : '';
  const found = parseKubernetesVersion(said);
  if (found === null) {
    const error = answer.ok ? `status ${answer.value.status}` : answer.error.message;
    log.write('warn', 'version of Kubernetes not known, taken for the newest', { error });
  } else log.write('info', 'version of Kubernetes', { version: said });
  return found;
}
