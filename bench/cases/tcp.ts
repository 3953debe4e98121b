import type { BenchCase, Step } from '../harness/case.ts';
import { type SaturateOptions, usualLoad } from '../harness/load.ts';
import { measureSaturated } from '../harness/measure.ts';
import { plainWork } from '../peers/work.ts';

export const tcp: BenchCase = {
  name: 'tcp',
  about:
    'Bytes passed on unseen: small requests over lasting connections, a connection a request, 10 MB bodies.',
  plan: ({ seconds }) => {
    const step = (label: string, options: Partial<SaturateOptions>): Step => ({
      label,
      when: 'round',
      run: (peer) => measureSaturated(peer, seconds, { ...usualLoad, ...options }),
    });
    const steps = [
      step('small', {}),
      step('a connection a request', { close: true }),
      step('bulk, 10 MB', { path: '/size/10240', connections: 8 }),
    ];
    return [
      { label: 'plaintext', work: { ...plainWork, protocol: 'tcp' }, steps },
      { label: 'TLS', work: { ...plainWork, protocol: 'tcp', tls: true }, steps: steps.slice(0, 1) },
    ];
  },
};
