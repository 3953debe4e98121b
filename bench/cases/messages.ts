import type { BenchCase, Step } from '../harness/case.ts';
import { type SaturateOptions, usualLoad } from '../harness/load.ts';
import { measureSaturated } from '../harness/measure.ts';
import { bodyKilobytes } from '../peers/nginx.ts';
import { plainWork } from '../peers/work.ts';

export const messages: BenchCase = {
  name: 'messages',
  about:
    'Saturated HTTP/1.1: a connection a request, bodies from 0 kB to 10 MB, requests of 10 to 60 header lines.',
  plan: ({ seconds }) => {
    const step = (label: string, options: Partial<SaturateOptions>): Step => ({
      label,
      when: 'round',
      run: (peer) => measureSaturated(peer, seconds, { ...usualLoad, ...options }),
    });
    const bodies = bodyKilobytes.map((size) =>
      step(`${size.toLocaleString('en')} kB`, { path: `/size/${size}`, connections: size > 1000 ? 8 : 64 }),
    );
    const heads = [20, 60].map((count) => step(`${count} header lines`, { extraHeaders: count - 10 }));
    return [
      { label: '', work: plainWork, steps: [step('not kept alive', { close: true }), ...bodies, ...heads] },
    ];
  },
};
