import { messageBytes } from '../harness/backend.ts';
import type { BenchCase, Step } from '../harness/case.ts';
import { usualHttp2Load } from '../harness/http2-load.ts';
import { measureAtRate, measureHeldStreams, measureMessages, measureStreams } from '../harness/measure.ts';
import { plainWork } from '../peers/work.ts';

/** Requests, by which every case is warmed up, say nothing to what streams run. */
const warmUpSeconds = 3;

const kinds = [
  ['Up', "a client's messages"],
  ['Down', "a server's messages"],
  ['Both', 'messages by turns'],
] as const;

export const grpc: BenchCase = {
  name: 'grpc',
  about:
    'Unary calls of gRPC with 100 B and 10 kB both ways, in plaintext, TLS and over a mesh hop with mutual TLS; messages of 100 B of streams; what open streams cost.',
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
    const { connections, streams: atOnce } = usualHttp2Load;
    const load = { connections, streams: atOnce, messages: quick ? 100 : 1000 };
    const streams = kinds.map(
      ([kind, label]): Step => ({
        label,
        when: 'round',
        run: (peer) => measureMessages(peer, seconds, { ...load, kind }),
      }),
    );
    const warmUp: Step = {
      label: 'warm-up',
      when: 'before',
      run: async (peer) => {
        for (const [kind] of kinds) await measureMessages(peer, warmUpSeconds, { ...load, kind });
        return {};
      },
    };
    const warm = quick ? streams : [warmUp, ...streams];
    const held = (quick ? [500] : [1_000, 10_000]).map(
      (count): Step => ({
        label: `${count.toLocaleString('en')} streams`,
        when: 'after',
        run: (peer) => measureHeldStreams(peer, count),
      }),
    );
    const hop = { meshHop: true, hopHttp2: true };
    const work = { ...plainWork, http2: true, endpoints: 'grpc' } as const;
    return [
      { label: 'plaintext', work, steps: [...unary, ...steady] },
      { label: 'TLS', work: { ...work, tls: true }, steps: unary },
      { label: 'mTLS hop', work: { ...work, ...hop }, steps: unary },
      { label: 'streams', work: { ...work, endpoints: 'streams' }, steps: warm },
      {
        label: 'streams, mTLS hop',
        work: { ...work, ...hop, endpoints: 'streams' },
        steps: quick ? streams.slice(2) : warm,
      },
      { label: 'held', work: { ...work, endpoints: 'streams' }, steps: held },
    ];
  },
};
