// One file, one fault: what is wrong with a file stays with it, and nothing goes because a file is being written.

import { describe, expect, test } from 'bun:test';
import { MeshError } from '../../base/index.ts';
import { policy, service } from '../testing/manifests.ts';
import { World } from '../testing/world.ts';
import { lastGoodFile } from './last-good-objects.ts';
import { sourceLimits } from './limits.ts';

const names = (world: World) =>
  world.plane.catalog.entries().map(({ key, standing }) => `${key} ${standing}`);
const faults = (world: World) => world.plane.faults.map(({ issue }) => `${issue.object} ${issue.rule}`);

async function startWith(files: Readonly<Record<string, string>>, world = new World()): Promise<World> {
  for (const [path, text] of Object.entries(files)) await world.write(path, text);
  await world.start();
  await world.run(100);
  return world;
}

describe('one file at fault', () => {
  test.each([
    [
      'circular',
      `${service('a')}x: &x { y: *x }\n`,
      /^bad.yaml:2 is not usable YAML: an alias stands within what it names/,
    ],
    ['too large', `#${'x'.repeat(sourceLimits.fileBytesMax)}`, /^bad.yaml must have at most/],
    ['not YAML', 'a: [', /^bad.yaml:1 is not YAML/],
  ])('%s: the others are read', async (_, text, fault) => {
    const world = await startWith({ 'bad.yaml': text, 'good.yaml': service('b') });
    expect(names(world)).toEqual(['bank/Service/b current']);
    expect(faults(world).join()).toMatch(fault);
    world.plane.stop();
  });

  test('Latin-1 is refused at its line, not read as something else', async () => {
    const world = await startWith({ 'good.yaml': service('b') });
    const bytes = new TextEncoder().encode(`${service('a')}# caf_\n`);
    bytes[bytes.indexOf(0x5f)] = 0xe9;
    await world.store.write('dir/bad.yaml', bytes);
    await world.run(100);
    expect(faults(world)).toEqual(['bad.yaml:6 must be UTF-8']);
    world.plane.stop();
  });

  test('unreadable: the others are read, and what it held stays', async () => {
    const world = await startWith({ 'a.yaml': service('a'), 'b.yaml': service('b') });
    const read = world.store.read.bind(world.store);
    world.store.read = async (path) => {
      if (path.endsWith('a.yaml')) throw new MeshError('storage', 'internal', 'no', 'no permission');
      return read(path);
    };
    await world.write('b.yaml', service('b') + service('c'));
    await world.run(100);
    expect(names(world)).toEqual([
      'bank/Service/a current',
      'bank/Service/b current',
      'bank/Service/c current',
    ]);
    expect(faults(world)[0]).toStartWith('a.yaml cannot be read');
    world.plane.stop();
  });
});

describe('a file that is being written', () => {
  test.each([
    ['emptied', ''],
    ['half there', service('a')],
  ])('%s: what it held stays while it may still come', async (_, text) => {
    const whole = service('a') + service('b');
    for (const [open, waitMs] of [
      [true, 20_000],
      [null, 2_500],
    ] as const) {
      const world = await startWith({ 'm.yaml': whole, 'n.yaml': service('c') });
      const before = names(world);
      world.store.openForWriting = open;
      await world.write('m.yaml', text);
      await world.run(waitMs);
      expect(names(world)).toEqual(before);
      await world.write('m.yaml', whole);
      world.store.openForWriting = false;
      await world.run(sourceLimits.shrinkQuietMs + 1_000);
      expect(names(world)).toEqual(before);
      expect(faults(world)).toEqual([]);
      world.plane.stop();
    }
  });

  test('a new file, and one that does not parse yet, wait too', async () => {
    const world = await startWith({ 'm.yaml': service('a') });
    world.store.openForWriting = true;
    await world.write('m.yaml', 'a: [');
    await world.write('new.yaml', service('b'));
    await world.run(1_000);
    expect([names(world), faults(world)]).toEqual([['bank/Service/a current'], []]);
    world.store.openForWriting = false;
    await world.run(sourceLimits.openPollMs + 100);
    expect(names(world)).toEqual(['bank/Service/a current', 'bank/Service/b current']);
    expect(faults(world)[0]).toStartWith('m.yaml:1 is not YAML');
    world.plane.stop();
  });

  test('a writer that never closes is named, and waited for no longer than a minute', async () => {
    const world = await startWith({ 'm.yaml': service('a') + service('b') });
    world.store.openForWriting = true;
    await world.write('m.yaml', service('a'));
    await world.run(sourceLimits.openTellMs + 200);
    expect(faults(world)[0]).toStartWith('m.yaml is open for writing by some program; its last whole text');
    expect(names(world)).toEqual(['bank/Service/a current', 'bank/Service/b current']);
    await world.run(sourceLimits.openMaxMs);
    expect([names(world), faults(world)]).toEqual([['bank/Service/a current'], []]);
    world.plane.stop();
  });

  test('nobody writes it: an object that is missing is gone at once', async () => {
    const world = await startWith({ 'm.yaml': service('a') + service('b') });
    await world.write('m.yaml', service('a'));
    await world.run(100);
    expect(names(world)).toEqual(['bank/Service/a current']);
    world.plane.stop();
  });

  test('a text that changes while the writers are asked is not whole', async () => {
    const world = await startWith({ 'm.yaml': service('a') + service('b') });
    const ask = world.store.isOpenForWriting.bind(world.store);
    world.store.isOpenForWriting = async () => {
      world.store.isOpenForWriting = ask;
      await world.store.write(
        'dir/m.yaml',
        new TextEncoder().encode(service('a') + service('b') + service('c')),
      );
      return false;
    };
    await world.write('m.yaml', service('a'));
    for (let i = 0; i < 40; i++) {
      await world.run(5);
      expect(names(world)).toContain('bank/Service/b current');
    }
    expect(names(world)).toHaveLength(3);
    world.plane.stop();
  });

  test('emptied for good: its objects go, and that is said', async () => {
    const world = await startWith({ 'm.yaml': service('a'), 'n.yaml': service('c') });
    await world.write('m.yaml', '');
    await world.run(sourceLimits.shrinkQuietMs + 1_000);
    expect(names(world)).toEqual(['bank/Service/c current']);
    expect(world.lines.some((line) => line.message === 'manifest was emptied')).toBe(true);
    world.plane.stop();
  });
});

describe('after a restart', () => {
  const restart = async (old: World): Promise<World> => {
    old.plane.stop();
    return startWith({}, new World(old.store));
  };

  test('the last good version of an object is still in force, until it is mended', async () => {
    const first = await startWith({ 'm.yaml': service('a') + policy('a', 'timeouts: { request: 1s }') });
    await first.write('m.yaml', service('a') + policy('a', 'timeouts: { request: never }'));
    await first.run(100);
    const second = await restart(first);
    expect(names(second)).toEqual(['bank/Service/a current', 'bank/ServicePolicy/a last-good']);
    await second.write('m.yaml', service('a') + policy('a', 'timeouts: { request: 2s }'));
    await second.run(100);
    expect(names(second)).toEqual(['bank/Service/a current', 'bank/ServicePolicy/a current']);
    expect(await second.store.read(`dir/${lastGoodFile}`)).toBeNull();
    second.plane.stop();
  });

  test('so is what a file held that does not parse any more', async () => {
    const first = await startWith({ 'm.yaml': service('a') });
    await first.write('m.yaml', 'a: [');
    await first.run(100);
    const second = await restart(first);
    expect(names(second)).toEqual(['bank/Service/a current']);
    expect(faults(second)).toHaveLength(1);
    second.plane.stop();
  });

  test('a private key is never written down', async () => {
    const secret = `---
apiVersion: v1
kind: Secret
metadata: { name: tls, namespace: bank }
type: kubernetes.io/tls
stringData: { tls.crt: certificate, tls.key: private }
`;
    const world = await startWith({
      'm.yaml': service('a') + secret,
      'n.yaml': secret.replace('tls,', 'other,'),
    });
    expect(names(world)).toHaveLength(3);
    await world.write('m.yaml', 'a: [');
    await world.write('n.yaml', secret.replace('tls,', 'other, labels: [],'));
    await world.run(100);
    const written = new TextDecoder().decode((await world.store.read(`dir/${lastGoodFile}`)) ?? undefined);
    expect(written).toContain('Service');
    expect(written).not.toContain('private');
    world.plane.stop();
  });
});
