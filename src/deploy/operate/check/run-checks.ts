// The two lists of checks, and how they are run: one that fails by a bug of ours says so and hides none of the others.

import { accessCheck } from './access.ts';
import { apiServerCheck, nodesCheck } from './api-server.ts';
import { authorityCheck } from './authority.ts';
import { certificatesCheck } from './certificates.ts';
import { conflictsCheck } from './conflicts.ts';
import { definitionsCheck } from './definitions.ts';
import { fleetCheck } from './fleet.ts';
import { gatewayApiCheck } from './gateway-api.ts';
import { injectionCheck } from './injection.ts';
import { podSecurityCheck } from './pod-security.ts';
import { revisionsCheck } from './revisions.ts';
import { rightsCheck } from './rights.ts';
import { type CheckLine, type CheckTarget, type ClusterCheck, type ClusterReader, unknown } from './types.ts';
import { webhookCheck } from './webhook.ts';
import { workloadsCheck } from './workloads.ts';

/** Before an installation. */
export const preChecks: readonly ClusterCheck[] = [
  apiServerCheck,
  nodesCheck,
  rightsCheck,
  gatewayApiCheck,
  podSecurityCheck,
  conflictsCheck,
];

/** Of an installation. */
export const installedChecks: readonly ClusterCheck[] = [
  apiServerCheck,
  workloadsCheck,
  definitionsCheck,
  gatewayApiCheck,
  webhookCheck,
  podSecurityCheck,
  injectionCheck,
  revisionsCheck,
  fleetCheck,
  accessCheck,
  certificatesCheck,
  authorityCheck,
];

export interface CheckedLine extends CheckLine {
  readonly check: string;
}

export async function runChecks(
  checks: readonly ClusterCheck[],
  reader: ClusterReader,
  target: CheckTarget,
): Promise<readonly CheckedLine[]> {
  const lists = await Promise.all(
    checks.map(async ({ name, run }) => {
      const lines = await run(reader, target).catch((error: unknown) => [
        unknown(`it could not be checked: ${error}`),
      ]);
      return lines.map((line) => ({ check: name, ...line }));
    }),
  );
  return lists.flat();
}
