// The story itself: a bank on node agents moves to sidecars, service by service, under load; goes half-way back; and
// moves on to the end. A pod is replaced as a rolling update would replace it: the same program, another mesh address
// in its environment.

import { type Workload, workloads } from '../../../examples/bank/bank.ts';
import type { Attachment } from '../cluster/bank-cluster.ts';
import type { Phase, Scene } from './scene.ts';

const half = Math.ceil(workloads.length / 2);

async function move(scene: Scene, services: readonly Workload[], attachment: Attachment): Promise<object> {
  let moved = 0;
  for (const service of services) {
    const slots = [...scene.cluster.slots.values()].filter(({ workload }) => workload.name === service.name);
    for (const slot of slots) {
      if (slot.attachment === attachment) continue;
      await scene.cluster.replace(slot, attachment);
      moved++;
    }
  }
  await scene.cluster.whenSettled();
  return { moved };
}

function still(name: string): Phase {
  return {
    name,
    minimumMs: 5000,
    run: async () => undefined,
  };
}

export const switchPhases: readonly Phase[] = [
  still('on-agents'),
  { name: 'half-way', minimumMs: 0, run: (scene) => move(scene, workloads.slice(0, half), 'sidecar') },
  {
    name: 'rolled-back',
    minimumMs: 0,
    run: (scene) => move(scene, workloads.slice(0, half).toReversed(), 'agent'),
  },
  { name: 'switched', minimumMs: 0, run: (scene) => move(scene, workloads, 'sidecar') },
  still('on-sidecars'),
];
