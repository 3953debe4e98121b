// Where a retry may go: endpoints and priorities that its policy leaves out (Envoy's retry_host_predicate and
// retry_priority). A first attempt has none of this.

import { hasLabels, type RetrySelection } from '../../policy/index.ts';
import type { Cluster, Endpoint, EndpointRequest } from '../upstream/index.ts';

interface Retried extends EndpointRequest {
  readonly tried: readonly Endpoint[];
}

/** Null: there is no endpoint at all. What is left out is chosen all the same where nothing else is left. */
export function pickForRetry(cluster: Cluster, request: Retried, selection: RetrySelection): Endpoint | null {
  const { avoided, sparesEvery } = selection;
  const { hash, nowMs, tried } = request;
  const unwanted = cluster.endpoints.filter(
    (endpoint) =>
      !tried.includes(endpoint) && avoided.some((labels) => hasLabels(endpoint.labels, labels, true)),
  );
  return cluster.pick({
    hash,
    nowMs,
    tried: [...tried, ...unwanted],
    spared: sparesEvery === 0 ? null : { every: sparesEvery, tried: tried.map(({ priority }) => priority) },
    criteria: () => request.criteria(),
    destination: (header) => request.destination(header),
    notes: () => request.notes(),
  });
}
