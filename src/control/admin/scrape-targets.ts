// What Prometheus scrapes, as it asks for it over HTTP (http_sd_config): every pod that says where its metrics of
// the mesh are. So a Prometheus needs no account at the API server, nor a build that knows Kubernetes.

import type { Catalog } from '../model/catalog.ts';

/** Of a pod: `PORT/PATH` of its metrics. What injects, installs and runs Gateways sets it. */
export const metricsAnnotation = 'weft.dev/metrics';

/** As Prometheus reads it: a list of these. */
export interface ScrapeTarget {
  /** `host:port`, one. */
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Pods that ended, have no address yet, or one that is their node's are left out. */
export function listScrapeTargets(catalog: Pick<Catalog, 'entries'>): readonly ScrapeTarget[] {
  return catalog.entries().flatMap(({ good }): readonly ScrapeTarget[] => {
    if (good?.kind !== 'Pod') return [];
    const { name, namespace, annotations } = good.metadata;
    const [, port, path] = /^(\d{1,5})(\/\S*)$/.exec(annotations[metricsAnnotation] ?? '') ?? [];
    const [address] = good.spec.addresses;
    if (port === undefined || path === undefined || address === undefined) return [];
    const host = address.includes(':') ? `[${address}]` : address;
    return [{ targets: [`${host}:${port}`], labels: { namespace, pod: name, __metrics_path__: path } }];
  });
}
