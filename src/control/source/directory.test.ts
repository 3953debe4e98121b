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
    ['circular', `${service('a')}x: &x { y: *x }\n`, /^bad.yaml:2 is not usable YAML/],
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
    const world = await startWith({ 'm.yaml': whole, 'n.yaml': service('c') });
    const before = names(world);
    await world.write('m.yaml', text);
    await world.run(2_500);
    expect(names(world)).toEqual(before);
    await world.write('m.yaml', whole);
    await world.run(sourceLimits.shrinkQuietMs + 1_000);
    expect(names(world)).toEqual(before);
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
});
