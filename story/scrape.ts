// Prometheus scrapes all of the mesh by the configuration of examples/kubernetes, as it stands but sooner.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../src/testing/until.ts';
import type { Stage } from './stage.ts';

const settings = join(import.meta.dir, '../examples/kubernetes/prometheus.yaml');
const namespace = 'monitoring';
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'prometheus', namespace },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'prometheus', image: 'prometheus' }],
  },
};

interface Found {
  readonly data: { readonly result: readonly { readonly metric: Readonly<Record<string, string>> }[] };
}

/** Replicas of the control plane and the webhook, agents, the proxies of the edge: every pod that says so. */
export async function scrape(stage: Stage): Promise<object> {
  const path = join(stage.rig.folder, 'prometheus.yaml');
  writeFileSync(path, readFileSync(settings, 'utf8').replaceAll('15s', '1s'));
  const command = ['prometheus', `--config.file=${path}`, '--storage.tsdb.path=/tmp/prometheus'];
  await stage.rig.loadImage('prometheus', command);
  const labels = { 'weft.dev/monitoring': 'enabled' };
  await stage.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }, pod]);
  await stage.kubectl(`wait -n ${namespace} --for=condition=Ready pod/prometheus --timeout=60s`);
  let wanted = 0;
  const query = `/api/v1/namespaces/${namespace}/pods/prometheus:9090/proxy/api/v1/query?query=up==1`;
  await until('all are scraped', async () => {
    wanted = await countScraped(stage);
    const { data } = JSON.parse(await stage.kubectl(`get --raw '${query}'`)) as Found;
    return data.result.filter(({ metric }) => metric['job'] === 'weft').length === wanted;
  });
  await stage.kubectl(`delete namespace ${namespace} --wait=false`);
  return { scraped: wanted };
}

async function countScraped(stage: Stage): Promise<number> {
  const { items } = JSON.parse(await stage.kubectl('get pods -A -o json')) as {
    readonly items: readonly {
      readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
    }[];
  };
  return items.filter(({ metadata }) => metadata.annotations?.['weft.dev/metrics'] !== undefined).length;
}
