import type { BenchCase, Step } from '../harness/case.ts';
import { measureMemory, measureSaturated } from '../harness/measure.ts';
import { plainWork } from '../peers/work.ts';

export const scale: BenchCase = {
  name: 'scale',
  about: 'The hop behind 2,000 routes, and beside 1,000 clusters that are not called.',
  plan: ({ seconds }) => {
    const steps: readonly Step[] = [
      {
        label: 'start-up',
        when: 'before',
        run: async (peer) => ({ 'CPU ms': peer.startCpuMs, ...measureMemory(peer) }),
      },
      { label: 'saturated', when: 'round', run: (peer) => measureSaturated(peer, seconds) },
    ];
    return [
      { label: '2,000 routes', work: { ...plainWork, routes: 2_000 }, steps },
      { label: '1,000 clusters', work: { ...plainWork, clusters: 1_000 }, steps },
    ];
  },
};
