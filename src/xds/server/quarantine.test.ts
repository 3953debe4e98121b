// A client that refuses a whole response for one fault in it, as Envoy and gRPC do, must end with everything that is
// good, and the server with the name of what is not.

import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { VirtualClock } from '../../base/index.ts';
import { effortTimeoutMs, runs } from '../../testing/effort.ts';
import { ackWaitMs, refusalsToldMax, warmingWaitMs } from '../limits.ts';
import { createSnapshot } from '../snapshot/create-snapshot.ts';
import { splitParts } from '../snapshot/route-parts.ts';
import { createTestServer, RawClient } from '../testing/raw-client.ts';
import { clusterOf, endpointsOf, listenerOf, routeOf, TestSource } from '../testing/resources.ts';
import { type AdsVariant, typeUrls, type XdsResource } from '../types.ts';

setDefaultTimeout(effortTimeoutMs);

const { cluster, endpoint, listener, route } = typeUrls;
const text = new TextDecoder('latin1');

/** Takes a response whole or not at all: not when any resource in it has the word BAD in it. */
class PickyClient {
  readonly held = new Map<string, string>();
  responses = 0;
  names: readonly string[] = [];
  hint = false;
  private readonly client: RawClient;
  private readonly variant: AdsVariant;

  constructor(client: RawClient, variant: AdsVariant) {
    this.client = client;
    this.variant = variant;
  }

  ask(typeUrl: string, names: readonly string[]): void {
    this.names = names;
    if (this.variant === 'sotw') this.client.sotw(typeUrl, { names });
    else this.client.delta(typeUrl, { subscribe: names.length === 0 ? ['*'] : names });
    this.settle();
  }

  /** Answers until nothing comes any more. */
  settle(): void {
    for (let response = this.client.received.shift(); response; response = this.client.received.shift()) {
      this.responses += 1;
      if (this.responses > 1_000) throw new Error('the search does not end');
      const { typeUrl, nonce, version, resources, removed } = response;
      const bad = resources.find((one) => text.decode(one.bytes ?? new Uint8Array()).includes('BAD'));
      const error = bad === undefined ? null : this.hint ? `no to ${bad.name}` : 'no';
      if (error === null) {
        const complete = typeUrl === cluster || typeUrl === listener;
        if (this.variant === 'sotw' && complete) this.held.clear();
        for (const one of resources) this.held.set(one.name, text.decode(one.bytes ?? new Uint8Array()));
        for (const name of removed ?? []) this.held.delete(name);
      }
      if (this.variant === 'delta') this.client.delta(typeUrl, { nonce, error });
      else
        this.client.sotw(typeUrl, {
          nonce,
          version: error === null ? version : '',
          names: this.names,
          error,
        });
    }
  }
}

function createWorld(variant: AdsVariant) {
  const clock = new VirtualClock();
  const source = new TestSource();
  const { server, nacks, refusals } = createTestServer(clock, source);
  const raw = new RawClient(server, variant);
  const client = new PickyClient(raw, variant);
  const publish = (...next: XdsResource[]) => {
    source.set(createSnapshot(next, source.current()));
    client.settle();
  };
  const told = () => refusals.map(({ resource, part }) => (part === '' ? resource : `${resource}#${part}`));
  return { clock, source, server, nacks, refusals, raw, client, publish, told };
}

/** A resource of a good name whose content is refused. */
function spoil(resource: XdsResource): XdsResource {
  const bytes = new Uint8Array([...resource.bytes, 0xfa, 7, 3, 66, 65, 68]);
  return { ...resource, bytes, version: `${resource.version}-bad` };
}

const variants = ['delta', 'sotw'] as const;

describe.each(variants)('after a NACK by %s', (variant) => {
  test.each([
    ['clusters', cluster, clusterOf],
    ['endpoints', endpoint, endpointsOf],
    ['listeners', listener, (name: string, revision = 0) => listenerOf(name, 'r', 0, revision)],
    ['routes', route, (name: string, revision = 0) => routeOf(name, [`x${revision}`])],
  ] as const)('%s of the same response that are good arrive alone', (_name, typeUrl, make) => {
    const { client, publish, told } = createWorld(variant);
    const names = ['a', 'b', 'c', 'd', 'e'];
    publish(make('a'), make('b'), spoil(make('c')), make('d'), make('e'));
    client.ask(typeUrl, typeUrl === cluster || typeUrl === listener ? [] : names);
    expect([...client.held.keys()].sort()).toEqual(['a', 'b', 'd', 'e']);
    expect(told()).toEqual(['c']);

    // An update of the refused one's neighbour is taken, and says nothing about the refused one.
    publish(make('a', 1), make('b'), spoil(make('c')), make('d'), make('e'));
    expect(told()).toEqual(['c']);
    // A bad change keeps what was there.
    const before = client.held.get('d');
    publish(make('a', 2), make('b'), spoil(make('c')), spoil(make('d', 1)), make('e', 2));
    expect([told().sort(), client.held.get('d')]).toEqual([['c', 'd'], before]);
    // Mended or gone, nothing is left of it.
    publish(make('a', 2), make('b'), make('c', 1), spoil(make('d', 1)), make('e', 2));
    expect([told(), client.held.has('c')]).toEqual([['d'], true]);
    publish(make('a', 2), make('b'), make('c', 1), make('e', 2));
    expect(told()).toEqual([]);
  });

  test('one fault among hundreds is found in a few steps, in one more step when the text names it', () => {
    for (const hint of [false, true]) {
      const { client, publish, told } = createWorld(variant);
      client.hint = hint;
      const all = Array.from({ length: 300 }, (_, i) => clusterOf(`c${i}`));
      all[77] = spoil(all[77] ?? clusterOf('c77'));
      publish(...all);
      client.ask(cluster, []);
      expect([client.held.size, told()]).toEqual([299, ['c77']]);
      expect(client.responses).toBeLessThanOrEqual(hint ? 3 : 20);
    }
  });

  test('a virtual host at fault freezes no other of its route configuration', () => {
    const { client, publish, told, refusals } = createWorld(variant);
    const hosts = (...names: string[]) => routeOf('r', names);
    publish(hosts('a', 'b', 'c'));
    client.ask(route, ['r']);
    publish(hosts('a', 'b', 'c', 'BAD', 'd'));
    expect(told()).toEqual(['r#BAD']);
    expect(refusals[0]?.message).toBe('no');
    const names = () => [...splitParts({ ...hosts(), bytes: latin1(client.held.get('r')) }).hosts.keys()];
    expect(names()).toEqual(['a', 'b', 'c', 'd']);
    // A later change beside it goes through at once: one response, taken.
    const before = client.responses;
    publish(hosts('a', 'BAD', 'd', 'e'));
    expect([names(), client.responses - before, told()]).toEqual([['a', 'd', 'e'], 1, ['r#BAD']]);
    publish(hosts('a', 'e'));
    expect([names(), told()]).toEqual([['a', 'e'], []]);
  });

  test('property: whatever is refused, all that is good arrives, and the search ends', () => {
    const kinds = fc.constantFrom('absent', 'good', 'other', 'bad');
    const history = fc.array(fc.array(kinds, { minLength: 6, maxLength: 6 }), { minLength: 1, maxLength: 6 });
    const types = fc.constantFrom(cluster, endpoint);
    fc.assert(
      fc.property(history, types, fc.boolean(), (steps, typeUrl, hint) => {
        const { client, publish, told, clock } = createWorld(variant);
        client.hint = hint;
        const make = typeUrl === cluster ? clusterOf : endpointsOf;
        const names = steps[0]?.map((_, i) => `n${i}`) ?? [];
        client.ask(typeUrl, typeUrl === cluster ? [] : names);
        let good = new Map<string, string>();
        for (const step of steps) {
          const set = step.flatMap((kind, i) => {
            if (kind === 'absent') return [];
            const one = make(`n${i}`, kind === 'other' ? 1 : 0);
            return [kind === 'bad' ? spoil(one) : one];
          });
          publish(...set);
          clock.advanceBy(warmingWaitMs + ackWaitMs);
          client.settle();
          const kept = new Map<string, string>();
          step.forEach((kind, i) => {
            const name = `n${i}`;
            const one = make(name, kind === 'other' ? 1 : 0);
            if (kind === 'bad') {
              const before = good.get(name);
              if (before !== undefined) kept.set(name, before);
            } else if (kind !== 'absent') kept.set(name, text.decode(one.bytes));
          });
          good = kept;
          // SotW says nothing of partial types that are gone.
          for (const [name, content] of good) expect([name, client.held.get(name)]).toEqual([name, content]);
          if (typeUrl === cluster) expect([...client.held.keys()].sort()).toEqual([...good.keys()].sort());
          expect(told().sort()).toEqual(step.flatMap((kind, i) => (kind === 'bad' ? [`n${i}`] : [])));
        }
      }),
      { numRuns: runs(150) },
    );
  });
});

function latin1(content = ''): Uint8Array {
  return Uint8Array.from(content, (character) => character.charCodeAt(0));
}

describe('a refused resource', () => {
  test('keeps alive what the form before it refers to', () => {
    const { client, raw, publish, clock, told } = createWorld('delta');
    const rest = [listenerOf('l', 'r'), endpointsOf('a'), endpointsOf('b')];
    publish(clusterOf('a'), ...rest, routeOf('r', ['a']));
    for (const [typeUrl, names] of [
      [cluster, []],
      [endpoint, ['a', 'b']],
      [listener, []],
      [route, ['r']],
    ] as const)
      client.ask(typeUrl, names);
    clock.advanceBy(warmingWaitMs);
    // The route moves from a to b, in a form that the client refuses: it goes on sending to a.
    publish(clusterOf('b'), ...rest, spoil(routeOf('r', ['b'])));
    clock.advanceBy(warmingWaitMs + ackWaitMs);
    client.settle();
    expect([client.held.has('a'), told().length]).toEqual([true, 1]);
    publish(clusterOf('b'), ...rest, routeOf('r', ['b', 'b']));
    clock.advanceBy(warmingWaitMs + ackWaitMs);
    client.settle();
    expect([client.held.has('b'), told(), raw.closedBy]).toEqual([true, [], undefined]);
  });

  test('is told a bounded number of times', () => {
    const { client, publish, told, server } = createWorld('delta');
    publish(...Array.from({ length: refusalsToldMax + 40 }, (_, i) => spoil(clusterOf(`c${i}`))));
    client.ask(cluster, []);
    expect(told()).toHaveLength(refusalsToldMax);
    expect(server.status()[0]?.types[0]?.status).toBe('ERROR');
  });

  test('a NACK that comes after its patience still counts', () => {
    const { client, raw, publish, clock, told } = createWorld('delta');
    publish(clusterOf('a'));
    client.ask(cluster, []);
    const answered = raw.received.length;
    source(publish, raw, clock);
    expect(answered).toBe(0);
    expect(told()).toEqual(['b']);
    expect([...client.held.keys()]).toEqual(['a', 'c']);
  });
});

/** b is refused only after c was sent behind it. */
function source(publish: (...next: XdsResource[]) => void, raw: RawClient, clock: VirtualClock): void {
  const client = raw.received;
  const push = client.push.bind(client);
  const late: (typeof client)[number][] = [];
  client.push = (...responses) => late.push(...responses);
  publish(clusterOf('a'), spoil(clusterOf('b')));
  clock.advanceBy(ackWaitMs);
  client.push = push;
  publish(clusterOf('a'), spoil(clusterOf('b')), clusterOf('c'));
  raw.delta(typeUrls.cluster, { nonce: late[0]?.nonce ?? '', error: 'no' });
}
