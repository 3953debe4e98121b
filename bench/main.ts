// `npm run bench [-- NAME] [--quick]`: the benches by name; without one, the hop beside its rivals.

import { parseArgs } from 'node:util';

const benches: Readonly<
  Record<string, (options: { quick: boolean; only: readonly string[] }) => Promise<void>>
> = {
  async hop({ quick, only }) {
    const { benchHop } = await import('./hop/main.ts');
    await benchHop(
      quick
        ? { rounds: 1, seconds: 2, rates: [500], only }
        : { rounds: 3, seconds: 6, rates: [50, 500, 15_000], only },
    );
  },
};

const { values, positionals } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
  },
  allowPositionals: true,
});
const name = positionals[0] ?? 'hop';
const bench = benches[name];
if (bench === undefined) {
  console.error(`bench: '${name}' is not one of ${Object.keys(benches).join(', ')}`);
  process.exit(64);
}
await bench({ quick: values.quick, only: values.only });
