// envoy.filters.http.header_mutation: edits at its place in the chain, the filter's own and then the route's.

import type { Head, ResponseHead } from '../../wire/index.ts';
import type { HeaderMutationConfig, ListenerFilterConfig, QueryMutation } from '../config/filter-types.ts';
import { type Answerer, type Authorizer, applyEdits, factsOf, type RequestState } from '../exchange/index.ts';
import { configFor, type HttpFilter } from './filter.ts';
import { editQuery } from './query-edits.ts';

export class HeaderMutationFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  private readonly filter: ListenerFilterConfig;
  private readonly specificLast: boolean;

  constructor(filter: ListenerFilterConfig) {
    this.name = filter.name;
    this.filter = filter;
    const { config } = filter;
    this.specificLast = config.kind === 'header-mutation' && config.specificLast === true;
  }

  samples() {
    return [];
  }

  authorize(request: RequestState): 'allow' {
    const said = configFor(request, this.filter, 'header-mutation');
    const own = this.ownBefore(said);
    if (own !== null) {
      if (own.request !== null) applyEdits(request.head, own.request, request);
      if (own.query !== undefined) editPath(request, own.query);
    }
    if (said !== null) this.apply(request, request.head, said, 'request');
    return 'allow';
  }

  onAnswer(request: RequestState, head: ResponseHead): null {
    const said = configFor(request, this.filter, 'header-mutation');
    const own = this.ownBefore(said);
    if (own !== null && own.response !== null) applyEdits(head, own.response, request);
    if (said !== null) this.apply(request, head, said, 'response');
    return null;
  }

  /** What all levels say, in the filter's order. */
  private apply(
    request: RequestState,
    head: Head,
    said: HeaderMutationConfig,
    side: 'request' | 'response',
  ): void {
    const { outer } = said;
    const edits = said[side];
    if (outer !== undefined && this.specificLast) this.apply(request, head, outer, side);
    if (edits !== null) applyEdits(head, edits, request);
    if (side === 'request' && said.query !== undefined) editPath(request, said.query);
    if (outer !== undefined && !this.specificLast) this.apply(request, head, outer, side);
  }

  /** The filter's own edits hold beside the route's, where there are any. */
  private ownBefore(said: HeaderMutationConfig | null): HeaderMutationConfig | null {
    const { config, disabled } = this.filter;
    if (said === null || said === config || disabled || config.kind !== 'header-mutation') return null;
    return config;
  }
}

/** CONNECT and OPTIONS * have no path. */
function editPath(request: RequestState, steps: readonly QueryMutation[]): void {
  const { head } = request;
  if (!head.path.startsWith('/')) return;
  head.path = editQuery(head.path, steps, ({ format, value }) =>
    format === null ? value : format.format(factsOf(request)),
  );
}
