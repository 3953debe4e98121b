import { expect, setDefaultTimeout, test } from 'bun:test';
import type { JsonObject } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { effortTimeoutMs, runs } from '../../testing/effort.ts';
import { typeUrls, type XdsResource } from '../../xds/index.ts';
import { type Decoded, decodeResource } from './decode-resource.ts';
import { RouteDecoder } from './route-decoder.ts';
import { resourceOf } from './testing/resources.ts';

setDefaultTimeout(effortTimeoutMs);

function hostOf(id: number, revision: number): JsonObject {
  const rewrite = revision === 3 ? { prefix_rewrite: '/a b' } : {};
  return {
    name: `h${id}`,
    // Revision 2 takes another's domain.
    domains: revision === 2 ? ['h0', `x${id}`] : [`h${id}`],
    routes: [{ match: { prefix: `/${revision}` }, route: { cluster: `c${id}`, ...rewrite } }],
  };
}

function routesOf(hosts: readonly (readonly [number, number])[], more: JsonObject = {}): XdsResource {
  const message = { name: 'r', virtual_hosts: hosts.map(([id, revision]) => hostOf(id, revision)), ...more };
  return resourceOf(typeUrls.route, 'r', message);
}

function hostsOf(decoded: Decoded) {
  if (!decoded.ok || decoded.meaning.kind !== 'route') throw new Error('not routes');
  return decoded.meaning.value.virtualHosts;
}

test('what did not change keeps its object', () => {
  const decoder = new RouteDecoder();
  const before = hostsOf(decoder.decode(routesOf([0, 1, 4, 5, 6].map((id) => [id, 0] as const))));
  const after = hostsOf(
    decoder.decode(
      routesOf([
        [0, 0],
        [1, 1],
        [4, 0],
        [5, 0],
        [6, 0],
        [7, 0],
      ]),
    ),
  );
  expect(after.map((host) => before.includes(host))).toEqual([true, false, true, true, true, false]);
  // What stands around the hosts holds for all of them.
  const outer = routesOf([[0, 0]], { max_direct_response_body_size_bytes: 10 });
  expect(hostsOf(decoder.decode(outer)).some((one) => before.includes(one))).toBe(false);
});

test('property: decoding what changed is decoding all', () => {
  const host = fc.tuple(fc.nat(6), fc.constantFrom(0, 0, 0, 1, 2, 3));
  const state = fc.uniqueArray(host, { maxLength: 7, selector: ([id]) => id });
  const twice = fc.tuple(state, fc.boolean());
  fc.assert(
    fc.property(fc.array(twice, { maxLength: 8 }), (history) => {
      const decoder = new RouteDecoder();
      for (const [hosts, outer] of history) {
        const more: JsonObject = outer ? { request_headers_to_remove: ['x-a'] } : {};
        const resource = routesOf(hosts, more);
        expect(decoder.decode(resource)).toEqual(decodeResource(resource));
      }
    }),
    { numRuns: runs(200) },
  );
});
