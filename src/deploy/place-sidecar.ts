// Where in a pod the mesh's containers stand. With native sidecars: init containers, the proxy one that stays. Before
// Kubernetes 1.29: the proxy is an ordinary container, the first one, whose postStart hook holds the others until it
// serves (the kubelet starts containers in order and waits for each hook), and whose preStop hook keeps it until nobody
// else in the pod has a connection or listens any more.

import { meshPorts } from './limits.ts';
import type { ContainerObject, PodSpecObject } from './objects.ts';

export interface SidecarContainers {
  /** Run to their end before anything else of the mesh; null: a CNI plugin did it. */
  readonly prepare: readonly ContainerObject[];
  readonly proxy: ContainerObject;
}

/** The pod's own init containers come first: their network is not led anywhere yet, as nobody would be there. */
export function placeOrdinary(spec: PodSpecObject, { prepare, proxy }: SidecarContainers): PodSpecObject {
  const ends = spec['restartPolicy'] === 'Never';
  const { args, ...rest } = proxy;
  const words = [...(args as readonly string[]), ...(ends ? ['--end-with-others'] : [])];
  const ordinary: ContainerObject = {
    ...rest,
    args: words,
    lifecycle: {
      postStart: { exec: { command: ['weft', 'hold', '--ready', `127.0.0.1:${meshPorts.readiness}`] } },
      preStop: { exec: { command: ['weft', 'hold', '--alone', `${holdSeconds(spec)}`] } },
    },
  };
  return {
    ...spec,
    initContainers: [...(spec.initContainers ?? []), ...prepare],
    containers: [ordinary, ...spec.containers],
    // Processes of the others are seen only so.
    ...(ends ? { shareProcessNamespace: true } : {}),
  };
}

export function placeNative(spec: PodSpecObject, { prepare, proxy }: SidecarContainers): PodSpecObject {
  const native = { ...proxy, restartPolicy: 'Always' };
  return { ...spec, initContainers: [...prepare, native, ...(spec.initContainers ?? [])] };
}

/** Some seconds of the pod's grace are left for the proxy's own end. */
function holdSeconds(spec: PodSpecObject): number {
  const grace = Number(spec['terminationGracePeriodSeconds'] ?? graceStandard);
  return Math.max(1, grace - endSeconds);
}

/** Kubernetes' own default. */
const graceStandard = 30;
const endSeconds = 5;
