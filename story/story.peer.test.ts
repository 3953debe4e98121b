// The story of the bank on a real cluster, which `WEFT_KUBENET` names the rig of; and what needs none.

import { describe, expect, test } from 'bun:test';
import { workloads } from '../examples/bank/bank.ts';
import { describeOnCluster } from '../src/testing/rig.ts';
import { createBank, namespaceOf } from './bank.ts';
import { drawPage } from './page.ts';
import { playStory } from './play.ts';
import type { StoryReport } from './report.ts';
import { listSteps } from './steps.ts';
import { partOf } from './usage.ts';

const storyMs = 900_000;
const ratePerSecond = 15;
const callsMin = 50_000;
/** What it costs is not asked here. */
const usageWindowMs = 500;
const startsCount = 1;

describe('the bank as objects', () => {
  const objects = createBank('/somewhere') as readonly {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
  }[];
  const named = (kind: string) => objects.filter((object) => object.kind === kind);

  test('every workload has a Deployment and a Service of its namespace', () => {
    for (const { name } of workloads) {
      for (const kind of ['Deployment', 'Service', 'ServiceAccount', 'ServicePolicy']) {
        const [found] = named(kind).filter(({ metadata }) => metadata.name === name);
        expect([kind, name, found?.metadata.namespace]).toEqual([kind, name, namespaceOf(name)]);
      }
    }
    expect(() => namespaceOf('nobody')).toThrow('no namespace has nobody');
  });

  test('the edge lies beside what it leads to', () => {
    expect(named('Gateway').map(({ metadata }) => metadata.namespace)).toEqual([namespaceOf('web')]);
  });
});

describe('processes by part', () => {
  const inPod = (pod: string) => ['KUBERNETES_SERVICE_HOST=10.96.0.1', `HOSTNAME=${pod}`];
  test.each([
    [['/rig/weft', 'proxy'], inPod('web-1'), 'sidecar'],
    [['/rig/weft', 'proxy'], inPod('weft-agent-1'), 'agent'],
    [['/rig/weft', 'proxy'], inPod('edge-weft-1'), 'gateway'],
    [['/rig/weft', 'control'], inPod('weft-control-1'), 'control'],
    [['/rig/weft', 'redirect'], inPod('web-1'), null],
    [['/usr/bin/envoy', '-c'], inPod('cards-1'), 'envoy'],
    [['bun', 'service.ts'], [...inPod('web-1'), 'FAULTS=none'], 'service'],
    [['/rig/weft', 'proxy'], ['HOSTNAME=here'], null],
    [['sleep'], inPod('stranger'), null],
  ] as const)('%j %j', (command, environment, part) => {
    expect(partOf(command, environment, '/rig/weft')).toBe(part);
  });
});

test('the page says what went wrong, and lets no text be markup', () => {
  const step = { name: '<b>', about: 'a & b', beganSeconds: 0, seconds: 1, requests: 2, failed: 1 };
  const report: StoryReport = {
    steps: [{ ...step, p50Ms: 1, p99Ms: 2, usage: {}, fault: 'no <i> today' }],
    requests: 2,
    failed: 1,
    repeated: 0,
    calls: 28,
    money: { expected: 1, found: 1, doubled: 0, lost: 0, agreed: 1, wrongBalances: 0 },
    failures: [],
    seconds: [{ atSeconds: 1, requests: 2, failed: 1, p50Ms: 1, p99Ms: 2 }],
    faults: ['1 of 2 requests failed'],
  };
  const page = drawPage(report);
  expect(page).toContain('1 of 2 requests failed');
  expect(page).toContain('no &lt;i> today');
  expect(page).not.toContain('<b>');
});

describeOnCluster('the story of the bank', () => {
  test(
    'no call fails, and no money is lost',
    async () => {
      const print = (line: string) => console.log(line);
      const steps = listSteps(ratePerSecond, startsCount);
      const report = await playStory({ steps, callsMin, usageWindowMs, print, keep: false });
      expect({ faults: report.faults, failures: report.failures }).toEqual({ faults: [], failures: [] });
      expect(report.steps.map(({ name }) => name)).toEqual(steps.map(({ name }) => name));
    },
    storyMs,
  );
});
