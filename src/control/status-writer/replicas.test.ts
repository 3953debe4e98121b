import { beforeEach, describe, expect, test } from 'bun:test';
import { type Log, silentLog, VirtualClock } from '../../base/index.ts';
import { MemoryObjects } from '../testing/memory-objects.ts';
import { settle } from '../testing/world.ts';
import { writerLimits } from './limits.ts';
import {
  addReports,
  decodeReport,
  emptyReport,
  encodeReport,
  type Players,
  type ReplicaReport,
} from './replica-report.ts';
import { Replicas } from './replicas.ts';

let api: MemoryObjects;
let clock: VirtualClock;

beforeEach(() => {
  api = new MemoryObjects();
  clock = new VirtualClock();
});

class Replica {
  report: ReplicaReport = emptyReport;
  changes = 0;
  readonly replicas: Replicas;

  constructor(replica: string, own: VirtualClock = clock, log: Log = silentLog) {
    this.replicas = new Replicas({
      api,
      clock: own,
      log,
      namespace: 'weft-system',
      replica,
      podUid: '',
      measure: () => this.report,
      onChange: () => {
        this.changes++;
      },
    });
    this.replicas.start();
  }

  plays(gateway: string, connected: number, current = connected): void {
    this.report = { ...this.report, gateways: new Map([[gateway, { connected, current }]]) };
  }

  of(gateway: string): Players | undefined {
    return this.replicas.ofOthers.gateways.get(gateway);
  }
}

async function pass(ms: number, own: VirtualClock = clock): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    own.advanceBy(500);
    await settle();
  }
}

const turnMs = 2 * writerLimits.reportMs;

describe('Replicas', () => {
  test('the leader knows what the proxies of all others say, and hears of changes alone', async () => {
    const [leader, a, b] = ['leader', 'a', 'b'].map((name) => new Replica(name));
    leader!.replicas.lead(true);
    a!.plays('shop/edge', 2, 1);
    b!.plays('shop/edge', 1);
    b!.report = { ...b!.report, refusals: new Map([['shop/Gateway/edge', refusal('b-1', 2)]]) };
    await pass(2 * turnMs);
    expect(leader!.of('shop/edge')).toEqual({ connected: 3, current: 2 });
    expect(leader!.replicas.ofOthers.refusals.get('shop/Gateway/edge')).toEqual(refusal('b-1', 2));
    const { changes } = leader!;
    await pass(4 * writerLimits.reportRenewMs);
    expect(leader!.changes).toBe(changes);
    a!.plays('shop/edge', 2, 2);
    await pass(turnMs);
    expect([leader!.of('shop/edge'), leader!.changes]).toEqual([{ connected: 3, current: 3 }, changes + 1]);
  });

  test('who goes in order is forgotten at once, with its Lease', async () => {
    const [leader, a] = ['leader', 'a'].map((name) => new Replica(name));
    leader!.replicas.lead(true);
    a!.plays('shop/edge', 2);
    await pass(2 * turnMs);
    await a!.replicas.stop();
    expect([...api.objects.keys()].filter((path) => path.endsWith('-a'))).toEqual([]);
    await pass(writerLimits.reportLifeMs + turnMs);
    expect(leader!.of('shop/edge')).toBeUndefined();
  });

  test('who goes without a word counts until its Lease has not changed for its life, and the leader clears up', async () => {
    const lost = new VirtualClock();
    const leader = new Replica('leader');
    const gone = new Replica('gone', lost);
    gone.plays('shop/edge', 2);
    await pass(turnMs, lost);
    leader.replicas.lead(true);
    await pass(writerLimits.reportLifeMs - turnMs);
    expect(leader.of('shop/edge')).toEqual({ connected: 2, current: 2 });
    await pass(2 * turnMs);
    expect(leader.of('shop/edge')).toBeUndefined();
    expect([...api.objects.keys()].filter((path) => path.endsWith('-gone'))).toEqual([]);
  });

  test('while the API server is away, what was known holds, and nobody is taken for gone', async () => {
    const [leader, a] = ['leader', 'a'].map((name) => new Replica(name));
    leader!.replicas.lead(true);
    a!.plays('shop/edge', 2);
    await pass(2 * turnMs);
    api.up = false;
    await pass(2 * writerLimits.reportLifeMs);
    expect(leader!.of('shop/edge')).toEqual({ connected: 2, current: 2 });
    api.up = true;
    const { changes } = leader!;
    await pass(2 * turnMs);
    expect(leader!.changes).toBe(changes);
    expect(leader!.of('shop/edge')).toEqual({ connected: 2, current: 2 });
  });

  test('a report that is refused is told once, and tried again now and then', async () => {
    api.refusal = 403;
    const lines: string[] = [];
    new Replica('a', clock, { debugEnabled: false, write: (_level, message) => void lines.push(message) });
    await pass(4 * writerLimits.reportRenewMs);
    expect(lines).toEqual(['report for the other replicas not written']);
    expect(api.asked.length).toBeLessThanOrEqual(5);
    api.refusal = 0;
    await pass(writerLimits.reportRenewMs + turnMs);
    expect([...api.objects.keys()].filter((path) => path.endsWith('-a'))).toHaveLength(1);
  });

  test('who does not lead reads nothing', async () => {
    new Replica('a');
    await pass(10 * turnMs);
    expect(api.asked.filter(({ method }) => method === 'GET')).toEqual([]);
  });

  test('more replicas than anybody has cost no more', async () => {
    const leader = new Replica('leader');
    leader.replicas.lead(true);
    for (let at = 0; at < writerLimits.replicasMax + 20; at++) {
      const replica = new Replica(`r-${at}`);
      replica.plays('shop/edge', 1);
    }
    await pass(2 * turnMs);
    expect(leader.of('shop/edge')?.connected).toBe(writerLimits.replicasMax);
  });
});

function refusal(nodeId: string, proxies: number, message = 'no') {
  return { nodeId, message, proxies, voices: ['*'] };
}

describe('a report', () => {
  test('comes back as it was', () => {
    const report = {
      gateways: new Map([['a/b', { connected: 2, current: 1 }]]),
      refusals: new Map([['a/Service/b', refusal('n', 3)]]),
      faults: new Map([['a/Gateway/b', { reason: 'ObjectNotOurs', message: 'x' } as const]]),
    };
    expect(decodeReport(encodeReport(report))).toEqual(report);
  });

  test('is bounded', () => {
    const many = Array.from({ length: 2000 }, (_, at) => `bank/Service/service-${at}`);
    const refusals = new Map(many.map((key) => [key, refusal('n', 1, 'x'.repeat(500))]));
    const text = encodeReport({ ...emptyReport, refusals });
    expect(text.length).toBeLessThan(writerLimits.reportCharsMax + 100);
    const back = decodeReport(text);
    expect(back.refusals.size).toBeGreaterThan(200);
  });

  test.each([
    '',
    '{',
    '[]',
    'null',
    '{"gateways":{"a/b":{"connected":"1"}},"refusals":{"x":1},"faults":{"x":{"reason":"y","message":""}}}',
  ])('that is none is empty: %s', (text) => {
    expect(decodeReport(text)).toEqual(emptyReport);
  });

  test('says what any replica could not write, in the words of the first', () => {
    const of = (message: string) => ({
      ...emptyReport,
      faults: new Map([['a/Gateway/b', { reason: 'ObjectRefused', message } as const]]),
    });
    expect([...addReports([emptyReport, of('one'), of('two')]).faults.values()]).toEqual([
      { reason: 'ObjectRefused', message: 'one' },
    ]);
  });

  test('of the version before says nothing of voices, and is believed', () => {
    const text = JSON.stringify({ refusals: { 'a/Service/b': { nodeId: 'n', message: 'no', proxies: 2 } } });
    expect(decodeReport(text).refusals.get('a/Service/b')).toEqual(refusal('n', 2));
  });

  test('adds up whom one replica alone would not believe', () => {
    const of = (nodeId: string, voice: string) => ({
      ...emptyReport,
      refusals: new Map([['a/Service/b', { ...refusal(nodeId, 1), voices: [voice] }]]),
    });
    const added = (...voices: string[]) =>
      addReports(voices.map((voice) => of(`sidecar~x.${voice}`, voice))).refusals.get('a/Service/b');
    expect(added('evil', 'evil')).toMatchObject({ proxies: 2, voices: ['evil'] });
    expect(added('evil', 'shop')).toMatchObject({ nodeId: 'sidecar~x.evil', voices: ['evil', 'shop'] });
    // Who is the object's own is heard first.
    expect(added('evil', '*')).toMatchObject({ nodeId: 'sidecar~x.*', voices: ['*'] });
  });

  test('of nobody adds up to nothing', () => {
    expect(addReports([])).toEqual(emptyReport);
  });
});
