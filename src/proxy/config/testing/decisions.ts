// What the functions in a translated configuration decide of a few requests: the only side of them to compare.

import { FormatSource } from '../../../observe/index.ts';

type Said = Readonly<Record<string, unknown>>;

/** A request of which nothing is known but this. */
function tell(said: Said): FormatSource {
  const source = new FormatSource();
  for (const [name, value] of Object.entries(said)) Object.defineProperty(source, name, { value });
  return source;
}

const numbers = [0, 1, 2, 3, 4, 5, 7, 9, 77, 400, 404, 503, 70_000];
const values = [...numbers, 0.25, 'v', 'x-value', '/x', '6f6b', true, false, null];
const said = ['f', 'x-value'].flatMap((space) =>
  ['k', 'x-value'].flatMap((key) => values.map((value) => [space, { [key]: value }] as const)),
);

const asked = (name: string, value: string): Said => ({
  request: {
    method: 'GET',
    path: value,
    authority: value,
    getName: (other: string) => (other === name ? value : null),
  },
});

/** Each unlike the plain one in one thing. */
const requests: readonly FormatSource[] = [
  {},
  { healthCheck: true },
  { traced: true },
  ...numbers.flatMap((number) => [
    { status: number },
    { grpcStatus: number },
    { streamId: number.toString(16).padStart(8, '0') },
    { timeOf: (point: string) => (point === 'DS_TX_END' ? number : 0) },
  ]),
  ...['UH', 'x', 'UF', 'NR'].map((flags) => ({ flags })),
  ...['DownstreamStart', 'TcpPeriodic', 'NotSet'].map((logType) => ({ logType })),
  ...['x-a', 'x-value'].flatMap((name) => ['a', 'x-value', '/x', ''].map((value) => asked(name, value))),
  ...said.map((pair) => ({ metadata: () => new Map([pair]) })),
].map((said) => tell({ status: 200, grpcStatus: 0, logType: 'DownstreamEnd', timeOf: () => 0, ...said }));

const chances = [0, 2, 50].map((drawn) => ({ below: () => drawn }));

const connections: readonly Said[] = ['none', 'shown', 'valid'].flatMap((clientCertificate) => [
  { clientCertificate, saidBy: () => undefined },
  ...said.map(([space, value]) => ({
    clientCertificate,
    saidBy: (filter: string) => (filter === space ? value : undefined),
  })),
]);

interface Decider {
  readonly admits?: (source: FormatSource, random: (typeof chances)[number]) => boolean;
  readonly holds?: (facts: Said) => boolean;
  readonly format?: (source: FormatSource) => string;
  readonly toJSON?: () => unknown;
}

/**
 * A bit for each of the requests, of a filter of access logs or a condition of a route; the line of a plain request of
 * a log's format; null of anything else.
 */
export function decisionsOf(part: object): string | null {
  const decider = part as Decider;
  if (typeof decider.admits === 'function') return bits((source, chance) => decider.admits!(source, chance));
  if (typeof decider.holds === 'function')
    return connections
      .map((facts) => decider.holds!(facts))
      .map(Number)
      .join('');
  if (typeof decider.format !== 'function' || typeof decider.toJSON !== 'function') return null;
  return JSON.stringify([decider.toJSON(), decider.format(requests[0]!)]);
}

function bits(admits: NonNullable<Decider['admits']>): string {
  const answers = requests.flatMap((source) => chances.map((chance) => admits(source, chance)));
  return answers.map(Number).join('');
}
