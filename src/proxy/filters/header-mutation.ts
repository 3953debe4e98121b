// envoy.filters.http.header_mutation: edits at its place in the chain, the filter's own and then the route's.

import type { ResponseHead } from '../../wire/index.ts';
import type { HeaderMutationConfig, ListenerFilterConfig } from '../config/filter-types.ts';
import { type Answerer, type Authorizer, applyEdits, type RequestState } from '../exchange/index.ts';
import { configFor, type HttpFilter } from './filter.ts';

export class HeaderMutationFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  private readonly filter: ListenerFilterConfig;

  constructor(filter: ListenerFilterConfig) {
    this.name = filter.name;
    this.filter = filter;
  }

  samples() {
    return [];
  }

  authorize(request: RequestState): 'allow' {
    const said = configFor(request, this.filter, 'header-mutation');
    const own = this.ownBefore(said);
    if (own !== null && own.request !== null) applyEdits(request.head, own.request, request);
    if (said !== null && said.request !== null) applyEdits(request.head, said.request, request);
    return 'allow';
  }

  onAnswer(request: RequestState, head: ResponseHead): null {
    const said = configFor(request, this.filter, 'header-mutation');
    const own = this.ownBefore(said);
    if (own !== null && own.response !== null) applyEdits(head, own.response, request);
    if (said !== null && said.response !== null) applyEdits(head, said.response, request);
    return null;
  }

  /** The filter's own edits hold beside the route's, where there are any. */
  private ownBefore(said: HeaderMutationConfig | null): HeaderMutationConfig | null {
    const { config, disabled } = this.filter;
    if (said === null || said === config || disabled || config.kind !== 'header-mutation') return null;
    return config;
  }
}
