import type { BenchCase, Step } from '../harness/case.ts';
import { usualLoad } from '../harness/load.ts';
import { measureAtRate, measureHandshakes, measureSaturated } from '../harness/measure.ts';
import { plainWork } from '../peers/work.ts';

export const tls: BenchCase = {
  name: 'tls',
  about:
    'TLS from the client; and the mesh hop, where one process plays both sidecars with mutual TLS between them (two hops a request).',
  plan: ({ seconds, rates }) => {
    const saturated: Step = {
      label: 'saturated',
      when: 'round',
      run: (peer) => measureSaturated(peer, seconds),
    };
    const atRates = rates.map(
      (rate): Step => ({
        label: `${rate.toLocaleString('en')} RPS`,
        when: 'round',
        run: (peer) => measureAtRate(peer, rate, seconds),
      }),
    );
    const handshakes = [false, true].map(
      (resumed): Step => ({
        label: resumed ? 'resumed' : 'new',
        when: 'round',
        run: (peer) => measureHandshakes(peer, seconds, resumed),
      }),
    );
    const closing: Step = {
      label: 'not kept alive',
      when: 'round',
      run: (peer) => measureSaturated(peer, seconds, { ...usualLoad, close: true }),
    };
    return [
      { label: 'TLS', work: { ...plainWork, tls: true }, steps: [saturated, closing, ...handshakes] },
      { label: 'mTLS hop', work: { ...plainWork, meshHop: true }, steps: [saturated, ...atRates] },
    ];
  },
};
