import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { workloads } from '../../../examples/bank/bank.ts';
import { balancingOnly, Manifests, policiesOff } from './manifests.ts';

const source = join(import.meta.dir, '../../../examples/bank/manifests');
let folder = '';
let manifests: Manifests;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-manifests-'));
  manifests = new Manifests(source, folder);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function read(file: string) {
  return parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS());
}

describe('the manifests', () => {
  test('have a Service and a ServicePolicy for every workload', () => {
    const names = (objects: { metadata: { name: string } }[]) => objects.map(({ metadata }) => metadata.name);
    expect(names(read('services.yaml'))).toEqual(expect.arrayContaining(workloads.map(({ name }) => name)));
    expect(names(read('policies.yaml'))).toEqual(expect.arrayContaining(workloads.map(({ name }) => name)));
  });
});

describe('Manifests', () => {
  test('switches the policies off, to balancing alone, and back', () => {
    const before = read('policies.yaml');
    manifests.setPolicies(policiesOff);
    for (const [at, policy] of read('policies.yaml').entries()) {
      expect(policy.spec).toEqual({ ...before[at].spec, ...policiesOff });
      expect(policy.spec.retry).toEqual({ attempts: 0 });
    }
    manifests.setPolicies(balancingOnly('RoundRobin'), 'accounts');
    const changed = read('policies.yaml').filter((policy, at) => !Bun.deepEquals(policy, before[at]));
    expect(changed.map(({ metadata }) => metadata.name)).toEqual(['accounts']);
    expect(changed[0].spec).toMatchObject({
      loadBalancing: { type: 'RoundRobin' },
      timeouts: { attempt: '0s' },
      retry: { idempotencyHeader: 'idempotency-key' },
    });
    manifests.setPolicies(null);
    expect(read('policies.yaml')).toEqual(before);
  });

  test('splits the calls to pricing', () => {
    const weights = () =>
      read('routes.yaml')[0].spec.rules[0].backendRefs.map((backend: { name: string; weight: number }) => [
        backend.name,
        backend.weight,
      ]);
    manifests.setSplit(30);
    expect(weights()).toEqual([
      ['pricing-v1', 70],
      ['pricing-v2', 30],
    ]);
    manifests.setSplit(0);
    expect(weights()).toEqual([
      ['pricing-v1', 100],
      ['pricing-v2', 0],
    ]);
  });
});
