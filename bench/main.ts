// `npm run bench [-- NAME] [--quick]`: the benches by name; without one, the hop beside its rivals; `all`: one after
// the other.

import { parseArgs } from 'node:util';

interface BenchOptions {
  readonly quick: boolean;
  /** Of the hop's rivals. */
  readonly only: readonly string[];
}

const benches: Readonly<Record<string, (options: BenchOptions) => Promise<void>>> = {
  async hop({ quick, only }) {
    const { benchHop } = await import('./hop/main.ts');
    await benchHop(
      quick
        ? { rounds: 1, seconds: 2, rates: [500], only }
        : { rounds: 3, seconds: 6, rates: [50, 500, 15_000], only },
    );
  },
  /** A request through the whole data path, without a kernel. */
  async exchange({ quick }) {
    const { benchExchange } = await import('./exchange.ts');
    await benchExchange(quick);
  },
  /** The HTTP/1 codecs by phase. */
  async http1({ quick }) {
    const { benchHttp1 } = await import('./http1.ts');
    benchHttp1(quick);
  },
  /** The control plane beside go-control-plane, with clients on grpc-go. */
  async control({ quick }) {
    const { benchControl } = await import('./control/main.ts');
    await benchControl(
      quick ? { services: 50, streams: 50, changes: 2 } : { services: 1_000, streams: 1_000, changes: 5 },
    );
  },
  /** Decisions: match, pick, settle, retry. */
  async policy({ quick }) {
    const { benchPolicy } = await import('./policy.ts');
    benchPolicy(quick);
  },
};

const { values, positionals } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
  },
  allowPositionals: true,
});
const names = positionals.includes('all') ? Object.keys(benches) : positionals;
const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) {
  console.error(`bench: '${unknown}' is not one of ${[...Object.keys(benches), 'all'].join(', ')}`);
  process.exit(64);
}
for (const name of names.length === 0 ? ['hop'] : names) await benches[name]!({ ...values });
