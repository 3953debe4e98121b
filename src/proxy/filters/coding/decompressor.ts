// envoy.filters.http.decompressor: bodies are taken out of their coding on their way, within a bounded ratio: few bytes
// of a hostile sender can stand for very many.

import { type Head, headerId, type ResponseHead } from '../../../wire/index.ts';
import type { DecompressorConfig, ListenerFilterConfig } from '../../config/filter-types.ts';
import type { Answerer, Authorizer, BodyTransform, RequestState } from '../../exchange/index.ts';
import type { FilterSample } from '../../stats/index.ts';
import { type HttpFilter, reached, saidTo } from '../filter.ts';
import { createDecompressor } from './content-coder.ts';
import { hasNoTransform, statScope } from './messages.ts';

export class DecompressorFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;
  private readonly config: DecompressorConfig;
  private readonly requests = { decompressed: 0, not_decompressed: 0 };
  private readonly responses = { decompressed: 0, not_decompressed: 0 };

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
    this.config = filter.config as DecompressorConfig;
  }

  *samples(): Iterable<FilterSample> {
    const { coding, libraryName } = this.config;
    const scope = statScope('decompressor', libraryName, coding);
    for (const [part, counts] of [
      ['request', this.requests],
      ['response', this.responses],
    ] as const)
      for (const [name, value] of Object.entries(counts)) yield { name: `${scope}${part}_${name}`, value };
  }

  authorize(request: RequestState): 'allow' {
    if (this.isOff(request)) return 'allow';
    const { request: direction, response } = this.config;
    const { head } = request;
    request.slots[this.position] = true;
    if (response.enabled && this.config.advertises) advertise(head, this.config.coding);
    const transform = request.requestEnded ? null : this.open(head, direction, this.requests);
    if (transform !== null) request.transformRequest(transform);
    return 'allow';
  }

  onAnswer(request: RequestState, head: ResponseHead, endStream: boolean): null {
    if (
      endStream ||
      request.upgrade !== '' ||
      request.slots[this.position] !== true ||
      !reached(request, this.position)
    )
      return null;
    const transform = this.open(head, this.config.response, this.responses);
    if (transform !== null) request.transformResponse(transform);
    return null;
  }

  private open(
    head: Head,
    { enabled, ignoresNoTransform }: DecompressorConfig['request'],
    counts: { decompressed: number; not_decompressed: number },
  ): BodyTransform | null {
    const codings = head.getName('content-encoding')?.split(',') ?? [];
    // The last one was applied last (RFC 9110 section 8.4).
    const outer = codings.at(-1)?.trim().toLowerCase();
    if (!enabled || outer !== this.config.coding || (!ignoresNoTransform && hasNoTransform(head))) {
      counts.not_decompressed += 1;
      return null;
    }
    counts.decompressed += 1;
    head.removeName('content-encoding');
    const rest = codings.slice(0, -1).join(',').trim();
    if (rest !== '') head.add('content-encoding', rest);
    head.remove(headerId['content-length']);
    return createDecompressor(this.config.coding, this.config.ratioMax);
  }

  private isOff(request: RequestState): boolean {
    const said = saidTo(request, this.filter);
    return said?.kind === 'disabled' || (said === null && this.filter.disabled);
  }
}

/** Servers behind are told that they may use it. */
function advertise(head: Head, coding: string): void {
  const before = head.getName('accept-encoding') ?? '';
  const others = before
    .split(',')
    .filter((part) => part !== '' && part.trim().split(';')[0]?.trim() !== coding);
  head.removeName('accept-encoding');
  head.add('accept-encoding', [...others, coding].join(','));
}
