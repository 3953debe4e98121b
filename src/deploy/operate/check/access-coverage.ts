// Pods of a fenced Service whose proxies are not asked of all that comes: they have none, or an annotation keeps a
// port from it. The network alone fences there, which knows no methods and no paths.

import { fieldOf, isRecord, type KubeObject, textOf } from '../../../control/index.ts';
import { readCapturedTraffic } from '../../captured-traffic.ts';
import type { PodObject } from '../../objects.ts';
import { listOf, readMeshPod } from '../mesh-pods.ts';
import { type CheckLine, listNames, warning } from './types.ts';

export function judgeCoverage(
  policy: KubeObject,
  services: readonly KubeObject[],
  pods: readonly KubeObject[],
): readonly CheckLine[] {
  const namespace = textOf(policy, 'metadata', 'namespace');
  const fence = `${namespace}/${textOf(policy, 'metadata', 'name')}`;
  return listOf(policy, 'spec', 'targetRefs').flatMap((target) => {
    const name = textOf(target, 'name');
    const service = services.find((one) => isAt(one, namespace, name));
    const behind = service === undefined ? [] : pods.filter((pod) => isBehind(pod, service, namespace));
    const bare = behind.filter((pod) => readMeshPod(pod)?.role !== 'sidecar');
    const kept = behind.flatMap((pod) => describeKept(pod, service ?? {}));
    return [
      ...tell(
        `${fence} fences ${name}, of which pods have no sidecar: the network alone judges their callers`,
        bare.map(idOf),
      ),
      ...tell(
        `${fence} fences ${name}, of which annotations keep ports from their proxies: the network alone judges who calls them`,
        kept,
      ),
    ];
  });
}

function tell(sentence: string, names: readonly string[]): readonly CheckLine[] {
  return names.length === 0 ? [] : [warning(`${sentence}: ${listNames(names)}`)];
}

function isAt(object: KubeObject, namespace: string, name: string): boolean {
  return textOf(object, 'metadata', 'namespace') === namespace && textOf(object, 'metadata', 'name') === name;
}

function idOf(pod: KubeObject): string {
  return `${textOf(pod, 'metadata', 'namespace')}/${textOf(pod, 'metadata', 'name')}`;
}

function isBehind(pod: KubeObject, service: KubeObject, namespace: string): boolean {
  const selector = fieldOf(service, 'spec', 'selector');
  const wanted = isRecord(selector) ? Object.entries(selector) : [];
  const labels = fieldOf(pod, 'metadata', 'labels');
  return (
    wanted.length > 0 &&
    textOf(pod, 'metadata', 'namespace') === namespace &&
    !['Succeeded', 'Failed'].includes(textOf(pod, 'status', 'phase')) &&
    wanted.every(([label, value]) => isRecord(labels) && labels[label] === value)
  );
}

/** As `shop/web-0 (8080)`; nothing where all comes to its proxy. */
function describeKept(pod: KubeObject, service: KubeObject): readonly string[] {
  if (readMeshPod(pod)?.role !== 'sidecar') return [];
  const traffic = readCapturedTraffic(pod as unknown as PodObject);
  if ('fault' in traffic) return [];
  const { inbound, skip, interfaces } = traffic;
  const ports = [...new Set(listOf(service, 'spec', 'ports').flatMap((port) => portIn(pod, port)))];
  const kept = ports.filter((port) => skip.includes(port) || (inbound !== 'all' && !inbound.includes(port)));
  const all = [...kept.map(String), ...interfaces.map((name) => `all by ${name}`)];
  return all.length === 0 ? [] : [`${idOf(pod)} (${all.join(', ')})`];
}

/** Where the application listens for a port of its Service. */
function portIn(pod: KubeObject, port: KubeObject): readonly number[] {
  if ((textOf(port, 'protocol') || 'TCP') !== 'TCP') return [];
  const to = fieldOf(port, 'targetPort') ?? fieldOf(port, 'port');
  if (typeof to === 'number') return [to];
  const named = listOf(pod, 'spec', 'containers')
    .flatMap((container) => listOf(container, 'ports'))
    .find((one) => textOf(one, 'name') === to);
  const number = fieldOf(named, 'containerPort');
  return typeof number === 'number' ? [number] : [];
}
