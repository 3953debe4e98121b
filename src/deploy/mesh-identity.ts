// How a proxy of the mesh proves who it is, and knows whom it asks: a token of its Pod's account that is meant for the
// control plane alone, and the roots that the control plane keeps in every namespace, in one projected volume.

import { authorityName } from '../control/index.ts';

/** Whom the tokens are meant for. */
export const tokenAudience = 'weft';
/** The kubelet makes a new one when a fifth of this is left; Kubernetes takes ten minutes and more. */
const tokenSeconds = 3_600;

/** Nothing of a proxy's name is taken by a pod's own volumes. */
export const identityVolumeName = 'weft-identity';
export const identityFolder = '/var/run/secrets/weft';

export const identityVolume = {
  name: identityVolumeName,
  projected: {
    sources: [
      { serviceAccountToken: { audience: tokenAudience, expirationSeconds: tokenSeconds, path: 'token' } },
      { configMap: { name: authorityName, items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    ],
  },
} as const;

export const identityMount = { name: identityVolumeName, mountPath: identityFolder, readOnly: true } as const;

/** What `weft bootstrap` is told. */
export const identityArgs = [
  ...['--xds-ca', `${identityFolder}/ca.crt`],
  ...['--xds-token', `${identityFolder}/token`],
] as const;
