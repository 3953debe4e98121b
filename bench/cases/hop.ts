import type { BenchCase, Step } from '../harness/case.ts';
import { saturate } from '../harness/load.ts';
import { measureAtRate, measureIdle, measureMemory, measureSaturated } from '../harness/measure.ts';
import type { Running } from '../harness/running.ts';
import { plainWork } from '../peers/work.ts';

/** What must have passed through a proxy before its memory is called loaded. */
const loadedRequests = 100_000;

export const hop: BenchCase = {
  name: 'hop',
  about:
    'One HTTP/1.1 keep-alive hop to three endpoints, all defaults on (balancing, retries, ejection, ids, metrics).',
  plan: ({ seconds, rates, quick }) => [
    {
      label: '',
      work: plainWork,
      steps: [
        {
          label: 'start-up',
          when: 'before',
          run: async (peer) => ({ 'CPU ms': peer.startCpuMs, 'wall ms': peer.startWallMs }),
        },
        { label: 'idle', when: 'before', run: (peer) => measureIdle(peer, quick ? 1 : 3) },
        { label: 'first 1,000 requests', when: 'before', run: (peer) => measureAtRate(peer, 500, 2) },
        // Code that is compiled while it runs costs most here.
        { label: 'first saturated seconds', when: 'before', run: (peer) => measureSaturated(peer, seconds) },
        { label: 'saturated', when: 'round', run: (peer) => measureSaturated(peer, seconds) },
        ...rates.map(
          (rate): Step => ({
            label: `${rate.toLocaleString('en')} RPS`,
            when: 'round',
            run: (peer) => measureAtRate(peer, rate, seconds),
          }),
        ),
        { label: 'loaded', when: 'after', run: measureLoaded },
      ],
    },
  ],
};

async function measureLoaded(peer: Running) {
  for (let sent = 0; sent < loadedRequests; ) sent += Math.max(1, (await saturate(peer, 2)).requests);
  return measureMemory(peer);
}
