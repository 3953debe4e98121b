// Calico's API without Calico, and what the fences of manifests say to it.

import { ok } from '../../../base/index.ts';
import type { KubeApi, KubeObject } from '../../kubernetes/types.ts';
import { buildModel } from '../../model/build.ts';
import { Catalog } from '../../model/catalog.ts';
import { parseManifests } from '../../source/parse.ts';
import { CalicoFences } from '../calico-fences.ts';

/** An API server with Calico's kinds, or as it says. */
export function apiOf(status = 200, resources: readonly object[] = [{ name: 'networkpolicies' }]): KubeApi {
  const item = {
    metadata: {
      ...{ namespace: 'bank', name: 'weft-fence-old', uid: 'p' },
      ownerReferences: [{ name: 'old', uid: 's' }],
      managedFields: [{ manager: 'weft-control', operation: 'Apply' }],
    },
  };
  // It carries the label, and somebody else made it.
  const theirs = { metadata: { ...item.metadata, name: 'theirs', managedFields: [{ manager: 'kubectl' }] } };
  return {
    request: async ({ path }) => {
      const body: KubeObject =
        path === '/apis/projectcalico.org/v3' ? { resources } : { items: [item, theirs] };
      return ok({ status, body, retryAfterMs: 0 });
    },
    watch: () => () => {},
  };
}

/** Of the first fence of these manifests; undefined: there is none. */
export async function specOf(text: string): Promise<KubeObject | undefined> {
  const catalog = new Catalog();
  const parsed = parseManifests('f', text);
  if (!parsed.ok) throw new Error('not manifests');
  for (const object of parsed.value) catalog.upsert(object);
  const fences = new CalicoFences(apiOf());
  await fences.adopt();
  const versions = { path: '', uid: 'u', generation: 1, resourceVersion: '1', status: {} };
  const plane = { settled: true, built: buildModel(catalog.entries()) };
  return (fences.list(plane, { versionOf: () => versions }) ?? [])[0]?.spec;
}
