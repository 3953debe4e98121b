import type { BenchCase, Step } from '../harness/case.ts';
import { measureAtRate, measureMemory, measureSaturated } from '../harness/measure.ts';
import { plainWork } from '../peers/work.ts';

export const threads: BenchCase = {
  name: 'threads',
  about:
    'The hop with one thread and with two (`--concurrency`). Load and endpoints share the cores: what a second thread can add is what they leave.',
  plan: ({ seconds, rates }) => {
    const steps: readonly Step[] = [
      { label: 'at rest', when: 'before', run: async (peer) => measureMemory(peer) },
      { label: 'first saturated seconds', when: 'before', run: (peer) => measureSaturated(peer, seconds) },
      { label: 'saturated', when: 'round', run: (peer) => measureSaturated(peer, seconds) },
      ...rates.map(
        (rate): Step => ({
          label: `${rate.toLocaleString('en')} RPS`,
          when: 'round',
          run: (peer) => measureAtRate(peer, rate, seconds),
        }),
      ),
      { label: 'loaded', when: 'after', run: async (peer) => measureMemory(peer) },
    ];
    return [1, 2].map((threads) => ({
      label: threads === 1 ? '1 thread' : `${threads} threads`,
      work: { ...plainWork, threads },
      steps,
    }));
  },
};
