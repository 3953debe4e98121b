// How long a pod takes from its creation to Ready, with a sidecar and without: one after the other, so that none waits
// for another.

import type { Stage } from './stage.ts';

const pod = (name: string, injected: boolean) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'side', labels: { 'weft.dev/inject': `${injected}` } },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'fx',
        image: 'bank/fx',
        env: [{ name: 'HOST', value: '0.0.0.0' }],
        ports: [{ name: 'http', containerPort: 8080 }],
      },
    ],
  },
});

export async function measureStartUp(stage: Stage, podsCount: number): Promise<object> {
  const plainMs: number[] = [];
  const injectedMs: number[] = [];
  for (let at = 0; at < podsCount; at++) {
    plainMs.push(await start(stage, `plain-${at}`, false));
    injectedMs.push(await start(stage, `injected-${at}`, true));
  }
  return { plainMs: median(plainMs), injectedMs: median(injectedMs), pods: podsCount };
}

async function start(stage: Stage, name: string, injected: boolean): Promise<number> {
  const beganMs = performance.now();
  await stage.apply([pod(name, injected)]);
  await stage.kubectl(`wait -n side --for=condition=Ready pod/${name} --timeout=60s`);
  const tookMs = Math.round(performance.now() - beganMs);
  await stage.kubectl(`delete pod -n side ${name} --wait=false`);
  return tookMs;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
