// The layer rule of docs/ARCHITECTURE.md: imports go down the list only, siblings never meet, and a folder is entered
// by its index.ts.

import { dirname } from 'node:path';
import { isTest, layerOf, parseImports, type Rule } from './source.ts';

/** From the top down. Layers in one row are siblings. */
export const layers: readonly (readonly string[])[] = [
  ['cli'],
  ['demo'],
  ['console'],
  ['sim'],
  ['deploy'],
  ['load', 'proxy', 'control'],
  ['identity', 'observe'],
  ['xds'],
  ['net'],
  ['wire'],
  ['policy'],
  ['base'],
];

/** What tests of all layers share. It stands beside the list: tests import it, and it imports nothing of the list. */
const testing = 'testing';

const rank = new Map(layers.flatMap((row, index) => row.map((name) => [name, index] as const)));

export const layerRule: Rule = {
  name: 'layers',
  check(source) {
    const from = layerOf(source.path);
    if (from === null) return [];
    return parseImports(source).flatMap(({ line, target }) => {
      const to = target === null ? null : layerOf(target);
      if (target === null || to === null || to === from) return [];
      if (from === testing) return [{ line, message: 'helpers of all tests import no layer' }];
      if (to === testing)
        return isTest(source.path) ? [] : [{ line, message: `only tests import src/${testing}` }];
      const [fromRank, toRank] = [rank.get(from), rank.get(to)];
      if (fromRank === undefined || toRank === undefined)
        return [{ line, message: `unknown layer ${from} or ${to}` }];
      if (toRank <= fromRank && !isTest(source.path))
        return [{ line, message: `${from} must not import ${to}` }];
      return [];
    });
  },
};

export const faceRule: Rule = {
  name: 'face',
  check(source) {
    const from = layerOf(source.path);
    // Tools and benches look inside: they measure and describe what no face shows.
    if (from === null || isTest(source.path)) return [];
    return parseImports(source).flatMap(({ line, target }) => {
      const to = target === null ? null : layerOf(target);
      if (target === null || to === null) return [];
      if (to === from && !(from === 'proxy' && isInOtherRoom(source.path, target))) return [];
      // An index.ts at any depth is a face, and what is named below.
      if (target.endsWith('/index.ts') || faces.some((face) => face.test(target))) return [];
      return [{ line, message: `enter ${dirname(target)} through an index.ts, not ${target}` }];
    });
  },
};

/** The proxy is as large as the layers below it: its rooms are entered as those are. */
function isInOtherRoom(path: string, target: string): boolean {
  const room = roomOf(target);
  return room !== '' && room !== roomOf(path);
}

function roomOf(path: string): string {
  return /^src\/proxy\/([^/]+)\//.exec(path)?.[1] ?? '';
}

/** Further faces, for who would meet himself through the index. */
const faces: readonly RegExp[] = [
  /^src\/xds\/api\.ts$/,
  // What a configuration is, without what makes it.
  /^src\/proxy\/config\/([a-z]+-)?types\.ts$/,
  // What the context of every request holds; the filters' own index knows requests.
  /^src\/proxy\/filters\/user\/user-filters\.ts$/,
];
