import { expect, test } from 'bun:test';
import { VirtualClock } from '../../base/index.ts';
import { Demand, type DemandOutcome, type DemandWait } from './demand.ts';
import { hostNameIn, isClusterName, tableOf } from './demanded-names.ts';
import { demandLimits as limits } from './limits.ts';
import { adsSource } from './source-types.ts';

const wantedOf = (host: string) => ({ name: hostNameIn('out', host) ?? '', source: adsSource });

function setup() {
  const clock = new VirtualClock();
  const demand = new Demand(clock);
  const unused: string[] = [];
  const told: string[] = [];
  demand.attach({ onNames() {}, onUnused: (resources) => unused.push(...resources) });
  const ask = (host: string): DemandWait | DemandOutcome | 'full' =>
    demand.ask(wantedOf(host), { onDemand: (outcome) => told.push(`${host} ${outcome}`) }, limits.waitMs);
  const bring = (resource: string, aliases: readonly string[] = []) => {
    demand.onResource(resource, aliases, `host of ${resource}`);
    demand.onApplied(() => true);
  };
  return { clock, demand, ask, bring, told, unused, names: () => demand.wanted().map(({ name }) => name) };
}

test('requests of one host ask once, in lower case, and are told when it is in force', () => {
  const { ask, demand, names, told } = setup();
  ask('Ledger:80');
  ask('ledger:80');
  expect(names()).toEqual(['out/ledger:80']);
  demand.onResource('out/ledger:80', [], 'ledger');
  demand.onApplied(() => false);
  expect(told).toEqual([]);
  demand.onApplied((resource) => resource === 'out/ledger:80');
  expect(told).toEqual(['Ledger:80 came', 'ledger:80 came']);
  expect(demand.held).toBe(1);
});

test('what came under another name goes when nobody uses any name of it', () => {
  const { clock, ask, bring, demand, told, unused } = setup();
  ask('a');
  ask('b');
  bring('out/x', ['out/a', 'out/b']);
  expect(told).toEqual(['a came', 'b came']);
  expect(demand.resourceOf('out/b')).toEqual({ kind: 'held', resource: 'out/x' });
  demand.use('host of out/x');
  clock.advanceBy(limits.idleMs - limits.sweepMs);
  demand.use('host of out/x');
  clock.advanceBy(limits.idleMs - limits.sweepMs);
  expect(unused).toEqual([]);
  clock.advanceBy(2 * limits.sweepMs);
  expect(unused).toEqual(['out/x']);
  expect([demand.idle, clock.armedCount]).toEqual([true, 0]);
});

test('a host that does not exist is not asked for again for a while, unless it comes', () => {
  const { clock, ask, bring, demand, names, told } = setup();
  ask('a');
  demand.onRemoved('out/a');
  expect(told).toEqual(['a absent']);
  expect(ask('a')).toBe('absent');
  bring('out/a');
  expect(demand.held).toBe(1);
  demand.onRemoved('out/a');
  expect(ask('a')).toBe('absent');
  clock.advanceBy(limits.absentMs + limits.sweepMs);
  expect(names()).toEqual([]);
  expect(ask('a')).toBeObject();
});

test('a refused host is said to be, and what was accepted before stays', () => {
  const { ask, bring, demand, told } = setup();
  ask('a');
  demand.onResource('out/a', [], null);
  expect([told, ask('a')]).toEqual([['a refused'], 'refused']);
  ask('b');
  bring('out/b');
  demand.onResource('out/b', [], null);
  expect(demand.resourceOf('out/b')).toEqual({ kind: 'held', resource: 'out/b' });
});

test('a request waits for a bounded time, and one that leaves is not told', () => {
  const { clock, ask, demand, told } = setup();
  const left = ask('a') as DemandWait;
  clock.advanceBy(1_000);
  ask('b');
  demand.leave(left);
  clock.advanceBy(limits.waitMs - 1);
  expect(told).toEqual([]);
  clock.advanceBy(1);
  expect([told, demand.waiting]).toEqual([['b late'], 0]);
  // It is still asked for: who comes next may find it there.
  demand.onResource('out/b', [], 'b');
  demand.onApplied(() => true);
  expect(demand.held).toBe(1);
});

test.each(['', 'with/slash', 'with space', `${'x'.repeat(limits.hostCharsMax)}y`])(
  'nobody is asked for a host %p',
  (host) => {
    expect(hostNameIn('out', host)).toBeNull();
  },
);

test('a cluster has some name, and one that a control plane takes', () => {
  const names = ['', 'bank/ledger:80', 'x'.repeat(limits.clusterCharsMax + 1)];
  expect(names.map(isClusterName)).toEqual([false, true, false]);
});

test('each waits for its own time', () => {
  const { clock, demand, told } = setup();
  const ask = (name: string, waitMs: number) =>
    demand.ask(
      { name, source: adsSource },
      { onDemand: (outcome) => told.push(`${name} ${outcome}`) },
      waitMs,
    );
  ask('slow', 2_000);
  ask('fast', 1_000);
  ask('now', 0);
  clock.advanceBy(1_000);
  expect(told).toEqual(['now late', 'fast late']);
  clock.advanceBy(1_000);
  expect([told.at(-1), demand.waiting]).toEqual(['slow late', 0]);
});

test('names without an answer, and requests that wait, are bounded', () => {
  const { ask, demand } = setup();
  for (let i = 0; i < limits.askedMax; i++) expect(ask(`h${i}`)).toBeObject();
  expect(ask('another')).toBe('full');
  for (let i = limits.askedMax; i < limits.waitersMax; i++) expect(ask('h1')).toBeObject();
  expect(ask('h1')).toBe('full');
  expect(demand.counts.overflow).toBe(2);
});

test('a caller that asks for names without end leaves room for others', () => {
  const { demand } = setup();
  const ask = (host: string, caller: string) =>
    demand.ask(wantedOf(host), { onDemand() {} }, limits.waitMs, caller);
  for (let i = 0; i < limits.askedMax; i++) ask(`wrong${i}`, 'greedy');
  expect(ask('another', 'greedy')).toBe('full');
  expect(ask('ledger', 'modest')).toBeObject();
  // The same of requests that wait for one name.
  for (let i = 0; i < limits.waitersMax; i++) ask('wrong0', 'greedy');
  expect([ask('wrong0', 'greedy'), typeof ask('ledger', 'modest')]).toEqual(['full', 'object']);
  demand.onRemoved('out/wrong0');
  expect(ask('another', 'greedy')).toBeObject();
});

test('for one more name the one that is known to be nothing goes, then the one used longest ago', () => {
  const { clock, ask, bring, demand, names, unused } = setup();
  ask('nothing');
  demand.onRemoved('out/nothing');
  for (let i = 1; i < limits.namesMax; i++) {
    ask(`h${i}`);
    bring(`out/h${i}`);
    clock.advanceBy(1);
  }
  expect(names()).toHaveLength(limits.namesMax);
  demand.use('host of out/h1');
  ask('new');
  expect([names().length, names().includes('out/nothing'), unused]).toEqual([limits.namesMax, false, []]);
  bring('out/new');
  ask('newer');
  expect([names().length, unused]).toEqual([limits.namesMax, ['out/h2']]);
});

test('a host is used as long as another thread asks for it', () => {
  const { clock, demand, bring, unused, names } = setup();
  demand.wantAll([wantedOf('a')]);
  bring('out/a');
  for (let ms = 0; ms < 2 * limits.idleMs; ms += limits.sweepMs) {
    clock.advanceBy(limits.sweepMs);
    demand.wantAll([wantedOf('a')]);
  }
  expect([unused, names()]).toEqual([[], ['out/a']]);
});

test('the table of a name is all before its last slash', () => {
  expect(['a/b', 'a/b/c', 'c'].map(tableOf)).toEqual(['a', 'a/b', '']);
});
