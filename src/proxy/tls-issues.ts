// Whose TLS is at fault: among the issues, and, of a listener to which nobody can connect for it, among what keeps the
// proxy from being ready.

import type { Issue } from '../base/index.ts';
import { tlsConfigsOfCluster } from './config/index.ts';
import type { ClusterConfig, ListenerConfig } from './config/types.ts';
import { reading, type TlsRuntime, waiting } from './tls/index.ts';

/** The newest material that is not in force, of whom; the last good one may be. */
export function listTlsIssues(
  tls: TlsRuntime,
  listeners: Iterable<ListenerConfig>,
  clusters: Iterable<ClusterConfig>,
): readonly Issue[] {
  const faults = tls.faults();
  if (faults.size === 0) return [];
  const issues: Issue[] = [];
  const add = (object: string, fault: { readonly issue: string } | undefined): void => {
    if (fault !== undefined) issues.push({ object, field: 'tls', rule: fault.issue, value: '' });
  };
  for (const { name, tls: config } of listeners) if (config !== null) add(name, faults.get(config));
  if ([...faults.keys()].some(({ side }) => side === 'client'))
    for (const cluster of clusters)
      for (const config of tlsConfigsOfCluster(cluster)) add(cluster.name, faults.get(config));
  return issues;
}

/**
 * Of listeners that have nothing to show, and of clusters whose files are being read. A secret that the control plane
 * has not sent yet is none: it may be one of many, and a proxy that is never ready serves none of them.
 */
export function listTlsObstacles(
  tls: TlsRuntime,
  listeners: Iterable<ListenerConfig>,
  clusters: Iterable<ClusterConfig>,
): readonly Issue[] {
  const faults = tls.faults();
  if (faults.size === 0) return [];
  const issues: Issue[] = [];
  for (const { name, tls: config } of listeners) {
    const fault = config === null ? undefined : faults.get(config);
    if (fault === undefined || fault.usable || fault.issue.endsWith(waiting)) continue;
    issues.push({ object: name, field: 'tls', rule: fault.issue, value: '' });
  }
  const read = listTlsIssues(tls, [], clusters).filter(({ rule }) => rule.endsWith(reading));
  return [...issues, ...read];
}
