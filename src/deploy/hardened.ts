// How every container of the mesh runs: without rights, on a root that cannot be written. Pod Security calls this
// restricted.

import { proxyUser } from './limits.ts';

export const hardened = {
  runAsUser: proxyUser,
  runAsGroup: proxyUser,
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
} as const;
