// envoy.filters.http.compressor: bodies are compressed on their way where the other side can read that and it is worth
// it.

import { type Head, headerId, type ResponseHead } from '../../../wire/index.ts';
import type {
  CompressorConfig,
  CompressorDirection,
  ListenerFilterConfig,
} from '../../config/filter-types.ts';
import type { Answerer, Authorizer, BodyTransform, RequestState } from '../../exchange/index.ts';
import type { FilterSample } from '../../stats/index.ts';
import { type HttpFilter, reached, saidTo } from '../filter.ts';
import { chooseCoding } from './accept-encoding.ts';
import { type ContentCoder, createCompressor } from './content-coder.ts';
import { hasNoTransform, statScope } from './messages.ts';

const bothCounts = {
  compressed: 0,
  not_compressed: 0,
  total_uncompressed_bytes: 0,
  total_compressed_bytes: 0,
  content_length_too_small: 0,
};
const choiceCounts = {
  no_accept_header: 0,
  header_identity: 0,
  header_compressor_used: 0,
  header_compressor_overshadowed: 0,
  header_wildcard: 0,
  header_not_valid: 0,
  not_compressed_etag: 0,
};

/** What a compressor offers for one request; the others of its chain look at it. */
class Offer {
  readonly accept: string | null;
  /** False: this route has none of it. */
  readonly made: boolean;
  readonly filter: CompressorFilter;

  constructor(accept: string | null, made: boolean, filter: CompressorFilter) {
    this.accept = accept;
    this.made = made;
    this.filter = filter;
  }
}

export class CompressorFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  readonly config: CompressorConfig;
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;
  private readonly requests = { ...bothCounts };
  private readonly responses = { ...bothCounts };
  private readonly choices = { ...choiceCounts };

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
    this.config = filter.config as CompressorConfig;
  }

  *samples(): Iterable<FilterSample> {
    const { libraryName, coding, response } = this.config;
    const scope = statScope('compressor', libraryName, coding);
    const direction = response.configured ? 'response_' : '';
    for (const [name, value] of Object.entries(this.requests))
      yield { name: `${scope}request_${name}`, value };
    for (const [name, value] of Object.entries(this.responses))
      yield { name: scope + direction + name, value };
    for (const [name, value] of Object.entries(this.choices)) yield { name: scope + name, value };
  }

  authorize(request: RequestState): 'allow' {
    const said = saidTo(request, this.filter);
    if (said?.kind === 'disabled' || (said === null && this.filter.disabled)) return 'allow';
    const { head } = request;
    const { request: direction, removesAcceptEncoding, response } = this.config;
    const override = said?.kind === 'compressor-override' ? said : null;
    const offers = response.enabled && override?.disabled !== true;
    request.slots[this.position] = new Offer(offers ? head.getName('accept-encoding') : null, offers, this);
    if (offers && (override?.removesAcceptEncoding ?? removesAcceptEncoding))
      head.removeName('accept-encoding');
    if (direction.enabled && override?.disabled !== true && !request.requestEnded)
      this.compressRequest(request, direction);
    else this.requests.not_compressed += 1;
    return 'allow';
  }

  onAnswer(request: RequestState, head: ResponseHead, endStream: boolean): null {
    const offer = request.slots[this.position];
    if (!(offer instanceof Offer) || !reached(request, this.position)) return null;
    // A tunnel's bytes are nobody's body.
    if (request.upgrade !== '') return null;
    const { response } = this.config;
    const long = offer.made && this.isLong(head, response, this.responses);
    const fits =
      long &&
      this.takesType(head) &&
      head.findName('content-encoding') < 0 &&
      !hasNoTransform(head) &&
      this.takesEtag(head);
    if (!endStream && long && this.isWanted(request, offer, head) && fits && head.status !== 206) {
      if (!isWeak(head.getName('etag'))) head.removeName('etag');
      head.remove(headerId['content-length']);
      head.add('content-encoding', this.config.coding);
      this.responses.compressed += 1;
      request.transformResponse(this.create(this.responses));
    } else {
      this.responses.not_compressed += 1;
    }
    if (fits) varyBy(head);
    return null;
  }

  /** What it takes of an answer of this type, as one of several. */
  takesType(head: Head): boolean {
    const type = head.get(headerId['content-type']);
    return type === null || type === '' || this.config.response.types.includes(mediaType(type));
  }

  private compressRequest(request: RequestState, direction: CompressorDirection): void {
    const { head } = request;
    const type = head.get(headerId['content-type']);
    const fits =
      this.isLong(head, direction, this.requests) &&
      (type === null || direction.types.includes(mediaType(type))) &&
      head.findName('content-encoding') < 0 &&
      !hasNoTransform(head);
    if (!fits) {
      this.requests.not_compressed += 1;
      return;
    }
    head.remove(headerId['content-length']);
    head.add('content-encoding', this.config.coding);
    this.requests.compressed += 1;
    request.transformRequest(this.create(this.requests));
  }

  private create(counts: typeof bothCounts): BodyTransform {
    return new Counted(createCompressor(this.config.coder), counts);
  }

  private isLong(head: Head, { bytesMin }: CompressorDirection, counts: typeof bothCounts): boolean {
    const length = head.get(headerId['content-length']);
    if (length === null || Number(length) >= bytesMin) return true;
    counts.content_length_too_small += 1;
    return false;
  }

  private takesEtag(head: ResponseHead): boolean {
    if (!this.config.disabledByEtag || head.findName('etag') < 0) return true;
    this.choices.not_compressed_etag += 1;
    return false;
  }

  private isWanted(request: RequestState, { accept }: Offer, head: ResponseHead): boolean {
    const offers = request.slots.filter((slot) => slot instanceof Offer);
    const able = offers
      .filter(({ filter, made }) => made && filter.takesType(head))
      .map(({ filter }) => filter);
    const codings = (filters: readonly CompressorFilter[]) => filters.map(({ config }) => config.coding);
    const choice = chooseCoding(
      accept,
      codings(able),
      codings(able.filter(({ config }) => config.chooseFirst)),
    );
    const counts = this.choices;
    const chosen = choice.coding === this.config.coding;
    switch (choice.why) {
      case 'none':
        counts.no_accept_header += 1;
        break;
      case 'identity':
        counts.header_identity += 1;
        break;
      case 'invalid':
        counts.header_not_valid += 1;
        break;
      case 'wildcard':
        counts.header_wildcard += 1;
        break;
      case 'coding':
        if (chosen) counts.header_compressor_used += 1;
        else counts.header_compressor_overshadowed += 1;
        break;
    }
    return chosen;
  }
}

/** Keeps count of the bytes of one body. */
class Counted implements BodyTransform {
  private readonly coder: ContentCoder;
  private readonly counts: typeof bothCounts;

  constructor(coder: ContentCoder, counts: typeof bothCounts) {
    this.coder = coder;
    this.counts = counts;
  }

  write(bytes: Uint8Array, start: number, end: number): Uint8Array {
    return this.count(end - start, this.coder.write(bytes, start, end));
  }

  end(): Uint8Array {
    return this.count(0, this.coder.end());
  }

  close(): void {
    this.coder.close();
  }

  private count(received: number, made: Uint8Array): Uint8Array {
    this.counts.total_uncompressed_bytes += received;
    this.counts.total_compressed_bytes += made.length;
    return made;
  }
}

function mediaType(value: string): string {
  const end = value.indexOf(';');
  return (end < 0 ? value : value.slice(0, end)).trim();
}

/** A tag of the body as it was does not hold for its bytes now (RFC 9110 section 8.8.3.3). */
function isWeak(etag: string | null): boolean {
  return etag === null || /^w\//i.test(etag);
}

/** Caches must know that the answer depends on it (RFC 9110 section 12.5.5). */
function varyBy(head: ResponseHead): void {
  const before = head.getName('vary');
  if (before !== null && /(?:^|[,\s])accept-encoding(?:$|[,\s])/i.test(before)) return;
  head.removeName('vary');
  head.add('vary', before === null || before === '' ? 'Accept-Encoding' : `${before}, Accept-Encoding`);
}
