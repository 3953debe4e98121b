// One service runs with Envoy as its sidecar.

import { parseAllDocuments } from 'yaml';
import { type InjectedPod, withEnvoy } from '../src/deploy/testing/envoy-sidecar.ts';
import type { Stage } from './stage.ts';
import { nextImage, nextRevision } from './upgrade.ts';

const service = { name: 'cards', namespace: 'front' } as const;

interface Deployment {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: object };
  readonly spec: {
    readonly template: { readonly spec: InjectedPod };
  };
}

export async function envoyIn(stage: Stage): Promise<object> {
  const { name, namespace } = service;
  const plain = await stage.kubectl(`get deployment -n ${namespace} ${name} -o yaml`);
  const injected = parseAllDocuments(
    await stage.rig.sh(`${stage.weft} inject --revision ${nextRevision} --image ${nextImage} -`, plain),
  )[0]?.toJS() as Deployment;
  const { metadata, spec } = injected;
  const deployment = {
    ...injected,
    metadata: { name: metadata.name, namespace: metadata.namespace, labels: metadata.labels },
    spec: { ...spec, template: { ...spec.template, spec: withEnvoy(spec.template.spec) } },
  };
  await stage.apply([deployment]);
  await stage.kubectl(`rollout status -n ${namespace} deployment/${name} --timeout=120s`);
  const stats = `exec -n ${namespace} deployment/${name} -c ${name} -- curl -s http://127.0.0.1:15000/server_info`;
  const { version } = JSON.parse(await stage.kubectl(stats)) as { readonly version: string };
  return { version };
}

export async function envoyBack(stage: Stage): Promise<undefined> {
  const { name, namespace } = service;
  const fields = '{"spec":{"template":{"spec":{"initContainers":null,"volumes":null}}}}';
  await stage.kubectl(`patch deployment -n ${namespace} ${name} --type=merge -p '${fields}'`);
  await stage.kubectl(`rollout status -n ${namespace} deployment/${name} --timeout=120s`);
}
