import { describe, expect, test } from 'bun:test';
import { create } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../xds/api.ts';
import { ResourceCache } from './resource-cache.ts';

const cluster = (name: string, altStatName = '') => create(ClusterSchema, { name, altStatName });

describe('ResourceCache', () => {
  test('equal input is compiled once', () => {
    const cache = new ResourceCache();
    let compiled = 0;
    const get = (input: string) =>
      cache.resource(ClusterSchema, 'a', '', input, () => {
        compiled++;
        return cluster('a', input);
      });
    const first = get('x');
    expect(get('x')).toBe(first);
    expect(compiled).toBe(1);
    expect(get('y')).not.toBe(first);
    expect(first.version).not.toBe(get('y').version);
  });

  test('different input with equal bytes stays the same resource', () => {
    const cache = new ResourceCache();
    const first = cache.resource(ClusterSchema, 'a', '', 'x', () => cluster('a'));
    expect(cache.resource(ClusterSchema, 'a', '', 'y', () => cluster('a'))).toBe(first);
  });

  test('variants of one name live side by side', () => {
    const cache = new ResourceCache();
    const one = cache.resource(ClusterSchema, 'a', 'z1', 'x', () => cluster('a', '1'));
    const two = cache.resource(ClusterSchema, 'a', 'z2', 'x', () => cluster('a', '2'));
    expect(one).not.toBe(two);
    expect(cache.resource(ClusterSchema, 'a', 'z1', 'x', () => cluster('a', '1'))).toBe(one);
  });

  test('maps of the same resources are the same map', () => {
    const cache = new ResourceCache();
    const a = cache.resource(ClusterSchema, 'a', '', 'x', () => cluster('a'));
    const b = cache.resource(ClusterSchema, 'b', '', 'x', () => cluster('b'));
    const shared = cache.shareMap('k', new Map([['a', a]]));
    expect(cache.shareMap('k', new Map([['a', a]]))).toBe(shared);
    const joined = cache.joinMaps('j', shared, [b]);
    expect(cache.joinMaps('j', shared, [b])).toBe(joined);
    expect([...joined.keys()]).toEqual(['a', 'b']);
    expect(cache.joinMaps('j', shared, [])).toBe(shared);
    expect(cache.shareMap('k', new Map([['b', b]]))).not.toBe(shared);
  });

  test('what a whole build did not ask for is dropped, but not while nothing but endpoints changes', () => {
    const cache = new ResourceCache();
    cache.beginBuild('one');
    cache.resource(ClusterSchema, 'a', '', 'x', () => cluster('a'));
    cache.beginBuild('one');
    cache.beginBuild('two');
    expect(cache.size).toBe(1);
    cache.beginBuild('three');
    expect(cache.size).toBe(0);
  });
});
