import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BankCluster } from '../cluster/bank-cluster.ts';
import { createPrograms } from '../cluster/programs.ts';
import { Machine } from '../machine/machine.ts';
import { applyCommand, type DemoSwitches } from './commands.ts';

// A bank that was composed and never started: its commands find their replicas and files all the same.

let folder = '';
let machine: Machine;
let cluster: BankCluster;
let switches: DemoSwitches;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-commands-'));
  machine = new Machine(folder, null, {});
  const programs = createPrograms(join(import.meta.dir, '../../..'), null);
  cluster = new BankCluster(machine, programs, {
    small: false,
    attachment: 'sidecar',
    network: 'loopback',
    usualPorts: false,
    controlEnv: {},
  });
});

afterAll(async () => {
  await machine.close();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  switches = { policy: 'on', splitPercent: 0 };
});

function apply(words: string) {
  return applyCommand(cluster, switches, words.split(' '));
}

function manifest(file: string): string {
  return readFileSync(join(cluster.manifests.folder, file), 'utf8');
}

describe('the bank', () => {
  test('has at least fourteen services, about 22 replicas, and three of what gets hurt', () => {
    const names = [...cluster.slots.keys()];
    expect(
      new Set([...cluster.slots.values()].map((slot) => slot.workload.name)).size,
    ).toBeGreaterThanOrEqual(14);
    expect(names.length).toBeGreaterThanOrEqual(22);
    for (const target of ['ledger', 'accounts', 'fraud']) {
      expect(names.filter((name) => name.startsWith(`${target}-`))).toHaveLength(3);
    }
  });

  test('is small when asked, with the same services', () => {
    const programs = createPrograms(join(import.meta.dir, '../../..'), null);
    const small = new BankCluster(machine, programs, {
      small: true,
      attachment: 'sidecar',
      network: 'loopback',
      usualPorts: false,
      controlEnv: {},
    });
    const services = (bank: BankCluster) =>
      new Set([...bank.slots.values()].map((slot) => slot.workload.name));
    expect(small.slots.size).toBeLessThan(cluster.slots.size);
    expect(services(small)).toEqual(services(cluster));
  });
});

describe('applyCommand', () => {
  test.each([
    { words: 'slow accounts-1', fault: 'slow' },
    { words: 'break accounts-1', fault: 'broken' },
    { words: 'pause accounts-1', fault: 'paused' },
    { words: 'heal accounts-1', fault: '' },
  ])('$words', ({ words, fault }) => {
    expect(apply(words).ok).toBe(true);
    expect(cluster.slots.get('accounts-1')?.pod.fault).toBe(fault);
  });

  test('policy off changes every policy, on restores them', () => {
    expect([apply('policy off').ok, switches.policy]).toEqual([true, 'off']);
    expect(manifest('policies.yaml')).toContain('RoundRobin');
    expect([apply('policy on').ok, switches.policy]).toEqual([true, 'on']);
    expect(manifest('policies.yaml')).not.toContain('RoundRobin');
  });

  test('split goes on and off, or to a percentage', () => {
    const percents = ['split', 'split', 'split 70', 'split'].map((words) => {
      expect(apply(words).ok).toBe(true);
      return switches.splitPercent;
    });
    expect(percents).toEqual([20, 0, 70, 0]);
  });

  test.each([
    { words: 'kill nobody-7', message: 'ledger-0' },
    { words: 'dance ledger-0', message: 'kill, pause, slow, break, heal, split, policy' },
    { words: 'constructor ledger-0', message: 'unknown command' },
    { words: 'policy perhaps', message: "'on' or 'off'" },
    { words: 'split 101', message: '0 to 100' },
    { words: 'split 1.5', message: '0 to 100' },
  ])('refuses "$words" and says what there is', ({ words, message }) => {
    const result = apply(words);
    expect(result.ok).toBe(false);
    expect(result.message).toContain(message);
  });
});
