// Every case is played once, briefly, and of the rivals the first step of each plan: a configuration that one of them
// refuses would rot. In CI always; elsewhere when asked for, because it takes minutes.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { describeSkipped, describeWith, isCi } from '../src/testing/programs.ts';
import { cases } from './cases/index.ts';
import { runCase } from './harness/run.ts';

setDefaultTimeout(400_000);

const brief = { rounds: 1, seconds: 1, rates: [100], quick: true, rivalsBriefly: true };

const wanted = isCi || process.env['WEFT_BENCH_TEST'] === '1';

function play(): void {
  test.each(cases.map((bench) => [bench.name, bench] as const))('%s', async (_name, bench) => {
    const { peers, rows } = await runCase(bench, brief, []);
    expect(peers).toEqual(['weft', 'envoy', 'haproxy', 'nginx']);
    expect(rows.at(-1)).toEqual({ label: 'failed requests', values: [0, 0, 0, 0] });
    const others = rows.filter(({ label }) => label.endsWith('others, failed'));
    expect(others.map(({ values }) => values[0])).toEqual(others.map(() => 0));
  });
}

if (wanted)
  describeWith(['envoy', 'haproxy', 'nginx', 'wrk', 'h2load', 'nghttpd', 'openssl'], 'bench cases', play);
else describeSkipped('it takes minutes; set WEFT_BENCH_TEST=1 to run it', 'bench cases', play);
