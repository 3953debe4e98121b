import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workloads } from '../../../examples/bank/bank.ts';
import { Machine } from '../machine/machine.ts';
import { LoopbackNetwork } from '../network/loopback.ts';
import { Pod, type PodPhase } from './pod.ts';
import { createPrograms } from './programs.ts';

// A pod without a sidecar: a real service of the bank, which needs nobody else.

let folder = '';
let machine: Machine;
let pod: Pod;
let phases: PodPhase[];
let entered: PromiseWithResolvers<void>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-pod-'));
  machine = new Machine(folder, join(folder, 'state.json'), {});
  phases = [];
  entered = Promise.withResolvers();
  const programs = createPrograms(join(import.meta.dir, '../../..'), null);
  const workload = workloads.find(({ name }) => name === 'fx')!;
  const place = new LoopbackNetwork(machine.ports).place('fx-0', false);
  const row = {
    name: 'fx-0',
    kind: 'service',
    role: 'application',
    service: 'fx',
    replica: 'fx-0',
    adminUrl: '',
  } as const;
  pod = new Pod(
    {
      name: 'fx-0',
      slot: 'fx-0',
      service: 'fx',
      namespace: 'bank',
      node: 'node-1',
      place,
      application: {
        command: programs.service(workload),
        env: { PORT: String(place.applicationPort) },
        row,
      },
      sidecar: null,
      sliceFolder: folder,
    },
    machine,
    ({ phase }) => {
      phases.push(phase);
      entered.resolve();
      entered = Promise.withResolvers();
    },
  );
});

afterEach(async () => {
  await pod.stop();
  expect(await machine.close()).toEqual([]);
  rmSync(folder, { recursive: true });
});

async function whenIn(phase: PodPhase): Promise<void> {
  while (pod.phase !== phase) await entered.promise;
}

function conditions(): { ready: boolean; serving: boolean; terminating: boolean } {
  return JSON.parse(readFileSync(join(folder, 'fx-0.yaml'), 'utf8')).endpoints[0].conditions;
}

describe('Pod', () => {
  test('is in its Service once it answers, out of it when killed, back when started again', async () => {
    await pod.start();
    await whenIn('ready');
    expect(conditions().ready).toBe(true);
    const firstPid = pod.application.pid;
    expect(machine.state.rows.map(({ name, pid }) => [name, pid])).toEqual([['fx-0', firstPid]]);

    pod.kill('application');
    await whenIn('unready');
    expect(conditions().ready).toBe(false);
    await whenIn('ready');
    expect(pod.application.pid).not.toBe(firstPid);
    expect([pod.restarts, phases]).toEqual([1, ['ready', 'unready', 'ready']]);
  });

  test('leaves its Service before its application ends, and its slice goes last', async () => {
    await pod.start();
    await whenIn('ready');
    const terminated = pod.terminate();
    expect(conditions()).toMatchObject({ ready: false, serving: true, terminating: true });
    expect(pod.application.running).toBe(true);
    await terminated;
    expect([pod.application.running, existsSync(join(folder, 'fx-0.yaml'))]).toEqual([false, false]);
    expect(phases).toEqual(['ready', 'terminating', 'gone']);
  });

  test('stays out while it is withdrawn', async () => {
    await pod.start();
    await whenIn('ready');
    pod.setWithdrawn(true);
    expect([pod.phase, conditions().ready, pod.application.running]).toEqual(['unready', false, true]);
    pod.setWithdrawn(false);
    await whenIn('ready');
  });
});
