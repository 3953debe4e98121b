import type { BenchCase, Step } from '../harness/case.ts';
import { usualLoad } from '../harness/load.ts';
import { measureConnections, measureSaturated } from '../harness/measure.ts';
import { plainWork } from '../peers/work.ts';

/** Saturated over one, many and very many connections, and what connections cost that say nothing. */
export const connections: BenchCase = {
  name: 'connections',
  about: 'Saturated over 1 and 1,000 connections; memory and CPU of idle ones, in plaintext and TLS.',
  plan: ({ seconds, quick }) => {
    // Half of the descriptors that a machine usually gives (20,000), less those that a proxy keeps for itself.
    const counts = quick ? [500] : [2_000, 9_900];
    const busy = [1, 1_000].map(
      (count): Step => ({
        label: `${count.toLocaleString('en')} connections`,
        when: 'round',
        run: (peer) => measureSaturated(peer, seconds, { ...usualLoad, connections: count }),
      }),
    );
    const idle = (count: number): Step => ({
      label: `${count.toLocaleString('en')} idle`,
      when: 'before',
      run: (peer) => measureConnections(peer, count, quick ? 0 : 3, 2),
    });
    return [
      { label: '', work: plainWork, steps: [...counts.map(idle), ...busy] },
      { label: 'TLS', work: { ...plainWork, tls: true }, steps: counts.map(idle) },
    ];
  },
};
