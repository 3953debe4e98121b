// The layer rule of docs/ARCHITECTURE.md: imports go down the list only, siblings never meet, and a folder is entered
// by its index.ts.

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
      if (target === null || to === null || to === from) return [];
      // An index.ts at any depth is a face, and what is named below.
      if (target.endsWith('/index.ts') || faces.has(target)) return [];
      return [{ line, message: `enter src/${to} through an index.ts, not ${target}` }];
    });
  },
};

const faces: ReadonlySet<string> = new Set(['src/xds/api.ts']);
