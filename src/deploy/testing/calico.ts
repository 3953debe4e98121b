// Calico's definition of its NetworkPolicy on a cluster whose network is another's: the API server takes what it takes
// of whoever runs Calico, and nobody enforces it. The module that has it calls the kind by Calico's inner name; the
// fields are those of `projectcalico.org/v3`, by which users and we name it.

import { join } from 'node:path';
import { parse } from 'yaml';
import type { Rig } from '../../testing/rig.ts';

const source = join(import.meta.dir, '../../../tools/peers/calico');
const group = 'projectcalico.org';

export async function defineCalico(rig: Rig): Promise<void> {
  const folder = '$(go list -m -f {{.Dir}} github.com/projectcalico/calico)/libcalico-go/config/crd';
  const text = await rig.sh(`cd ${source}; go mod download; cat ${folder}/crd.${group}_networkpolicies.yaml`);
  const { spec, ...definition } = parse(text) as { spec: { names: object; versions: readonly object[] } };
  const renamed = {
    ...definition,
    metadata: { name: `networkpolicies.${group}` },
    spec: { ...spec, group, versions: spec.versions.map((version) => ({ ...version, name: 'v3' })) },
  };
  await rig.sh('kubectl create -f - >/dev/null', JSON.stringify(renamed));
  await rig.sh(
    `kubectl wait --for=condition=Established crd/networkpolicies.${group} --timeout=30s >/dev/null`,
  );
}
