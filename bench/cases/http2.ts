import type { BenchCase, Plan, Step } from '../harness/case.ts';
import { measureFloods } from '../harness/flooding.ts';
import { usualHttp2Load } from '../harness/http2-load.ts';
import { measureAtRate, measureMemory, measureSaturated, measureStreams } from '../harness/measure.ts';
import { plainWork, type Work } from '../peers/work.ts';

/** As Envoy advises where anybody may call (its docs, "Configuring Envoy as an edge proxy"). */
const edgeStreams = 100;

export const http2: BenchCase = {
  name: 'h2',
  about:
    'Saturated over HTTP/2 (8 connections of 16 streams, and 1 of 100) and at fixed rates: to endpoints of either version, in plaintext and TLS; HTTP/1.1 to HTTP/2; the mesh hop with mutual TLS over both; and floods of every kind at an edge, while others are served.',
  plan: ({ seconds, rates, quick }) => {
    const many: Step = {
      label: '8 x 16 streams',
      when: 'round',
      run: (peer) => measureStreams(peer, seconds, usualHttp2Load),
    };
    const one: Step = {
      label: '1 x 100 streams',
      when: 'round',
      run: (peer) => measureStreams(peer, seconds, { ...usualHttp2Load, connections: 1, streams: 100 }),
    };
    const saturated: Step = {
      label: 'saturated',
      when: 'round',
      run: (peer) => measureSaturated(peer, seconds),
    };
    const steady = (over: typeof usualHttp2Load | null): readonly Step[] =>
      rates.map((rate) => ({
        label: `${rate.toLocaleString('en')} RPS`,
        when: 'round',
        run: (peer) => measureAtRate(peer, rate, seconds, over),
      }));
    const floods: Step = {
      label: 'floods',
      when: 'after',
      run: (peer) => measureFloods(peer, quick ? 0.5 : 3),
    };
    const memory: Step = { label: 'loaded', when: 'after', run: async (peer) => measureMemory(peer) };
    const plan = (label: string, work: Partial<Work>, steps: readonly Step[]): Plan => ({
      label,
      work: { ...plainWork, ...work },
      steps,
    });
    const hop = { meshHop: true } as const;
    const direct = { http2: true, endpoints: 'http2' } as const;
    return [
      plan('h2 to h2', direct, [many, one, ...steady(usualHttp2Load), memory]),
      plan('edge', { ...direct, streamsMax: edgeStreams }, [many, floods]),
      plan('h2 to h1', { http2: true }, [many, memory]),
      plan('h1 to h2', { endpoints: 'http2' }, [saturated, memory]),
      plan('TLS h2 to h2', { ...direct, tls: true }, [many]),
      plan('mTLS hop over HTTP/1.1', hop, [saturated, ...steady(null)]),
      plan('mTLS hop over HTTP/2', { ...hop, hopHttp2: true }, [saturated, ...steady(null)]),
    ];
  },
};
