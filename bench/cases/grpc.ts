import { messageBytes } from '../harness/backend.ts';
import type { BenchCase, Step } from '../harness/case.ts';
import { usualHttp2Load } from '../harness/http2-load.ts';
import { measureAtRate, measureHeldStreams, measureStreams } from '../harness/measure.ts';
import { plainWork } from '../peers/work.ts';

export const grpc: BenchCase = {
  name: 'grpc',
  about:
    'Unary calls of gRPC with 100 B and 10 kB both ways, in plaintext, TLS and over a mesh hop with mutual TLS; what open streams cost.',
  plan: ({ seconds, rates, quick }) => {
    const unary = messageBytes.map((bytes): Step => {
      const load = { ...usualHttp2Load, messageBytes: bytes };
      const label = `unary ${bytes.toLocaleString('en')} B`;
      return { label, when: 'round', run: (peer) => measureStreams(peer, seconds, load) };
    });
    const steady = rates.map(
      (rate): Step => ({
        label: `unary 100 B, ${rate.toLocaleString('en')} RPS`,
        when: 'round',
        run: (peer) => measureAtRate(peer, rate, seconds, { ...usualHttp2Load, messageBytes: 100 }),
      }),
    );
    const held = (quick ? [500] : [1_000, 10_000]).map(
      (count): Step => ({
        label: `${count.toLocaleString('en')} streams`,
        when: 'after',
        run: (peer) => measureHeldStreams(peer, count),
      }),
    );
    const work = { ...plainWork, http2: true, endpoints: 'grpc' } as const;
    return [
      { label: 'plaintext', work, steps: [...unary, ...steady] },
      { label: 'TLS', work: { ...work, tls: true }, steps: unary },
      { label: 'mTLS hop', work: { ...work, meshHop: true, hopHttp2: true }, steps: unary },
      { label: 'held', work: { ...work, endpoints: 'streams' }, steps: held },
    ];
  },
};
