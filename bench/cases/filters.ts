import type { BenchCase, Step } from '../harness/case.ts';
import { measureSaturated } from '../harness/measure.ts';
import { filterNames } from '../peers/filters.ts';
import { plainWork } from '../peers/work.ts';

export const filters: BenchCase = {
  name: 'filters',
  about:
    'The hop without a filter, and with one each that does its work and lets every request pass; beside Envoy, and `typescript` (a filter of the user’s own) by itself.',
  plan: ({ seconds }) => {
    const steps: readonly Step[] = [
      { label: 'saturated', when: 'round', run: (peer) => measureSaturated(peer, seconds) },
    ];
    return [
      { label: 'none', work: plainWork, steps },
      ...filterNames.map((filter) => ({ label: filter, work: { ...plainWork, filter }, steps })),
    ];
  },
};
