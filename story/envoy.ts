// One service runs with Envoy as its sidecar: the same pod as injected, with the other program in the proxy's place. It
// takes the same bootstrap, written for it.

import { parseAllDocuments } from 'yaml';
import type { Stage } from './stage.ts';
import { nextImage, nextRevision } from './upgrade.ts';

const service = { name: 'cards', namespace: 'front' } as const;

interface Container {
  readonly name: string;
  readonly [field: string]: unknown;
}

interface Deployment {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: object };
  readonly spec: {
    readonly template: { readonly spec: { readonly initContainers?: readonly Container[] } };
  };
}

export async function envoyIn(stage: Stage): Promise<object> {
  const { name, namespace } = service;
  const plain = await stage.kubectl(`get deployment -n ${namespace} ${name} -o yaml`);
  const injected = parseAllDocuments(
    await stage.rig.sh(`${stage.weft} inject --revision ${nextRevision} --image ${nextImage} -`, plain),
  )[0]?.toJS() as Deployment;
  const { metadata, spec } = injected;
  const pod = spec.template.spec;
  const initContainers = pod.initContainers?.map((container) =>
    container.name === 'weft-proxy' ? toEnvoy(container) : forEnvoy(container),
  );
  const deployment = {
    ...injected,
    metadata: { name: metadata.name, namespace: metadata.namespace, labels: metadata.labels },
    spec: { ...spec, template: { ...spec.template, spec: { ...pod, initContainers } } },
  };
  await stage.apply([deployment]);
  await stage.kubectl(`rollout status -n ${namespace} deployment/${name} --timeout=120s`);
  const stats = `exec -n ${namespace} deployment/${name} -c ${name} -- curl -s http://127.0.0.1:15000/server_info`;
  const { version } = JSON.parse(await stage.kubectl(stats)) as { readonly version: string };
  return { version };
}

function forEnvoy(container: Container): Container {
  if (container.name !== 'weft-bootstrap') return container;
  const { args = [] } = container as { readonly args?: readonly string[] };
  return { ...container, args: [...args, '--for', 'envoy'] };
}

function toEnvoy(container: Container): Container {
  const { args: _, startupProbe: _s, readinessProbe: _r, ...rest } = container;
  const ready = ['curl', '-sf', 'http://127.0.0.1:15000/ready'];
  return {
    ...rest,
    image: 'envoy',
    args: ['-c', '/var/run/weft/bootstrap.json', '--concurrency', '1'],
    startupProbe: { exec: { command: ready }, periodSeconds: 1, failureThreshold: 60 },
  };
}

export async function envoyBack(stage: Stage): Promise<undefined> {
  const { name, namespace } = service;
  const fields = '{"spec":{"template":{"spec":{"initContainers":null,"volumes":null}}}}';
  await stage.kubectl(`patch deployment -n ${namespace} ${name} --type=merge -p '${fields}'`);
  await stage.kubectl(`rollout status -n ${namespace} deployment/${name} --timeout=120s`);
}
