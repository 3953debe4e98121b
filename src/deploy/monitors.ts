// How Prometheus finds what to scrape: our own annotation, by which the control plane lists all of them
// (`/api/v1/scrape-targets`); the plain ones, which many configurations follow; and PodMonitors for who runs its
// operator (asked for by value: without its definitions they could not be applied).

import { metricsAnnotation } from '../control/index.ts';
import { meshPorts } from './limits.ts';
import { namesOf } from './revision.ts';

/** Port of a proxy with `/ready` and `/stats/prometheus`, by name, so that it is found in any pod. */
export const readyPort = { name: 'weft-ready', containerPort: meshPorts.readiness } as const;

const plain = 'prometheus.io/';
const scrape = `${plain}scrape`;

function annotationsFor(port: number, path: string): Readonly<Record<string, string>> {
  return {
    [metricsAnnotation]: `${port}${path}`,
    [scrape]: 'true',
    [`${plain}port`]: `${port}`,
    [`${plain}path`]: path,
  };
}

export const controlScrape = annotationsFor(meshPorts.controlAdmin, '/metrics');
export const proxyScrape = annotationsFor(meshPorts.readiness, '/stats/prometheus');

/** Of a pod that says itself where to scrape it the plain ones are its application's. */
export function proxyScrapeFor(said: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (!Object.hasOwn(said, scrape)) return proxyScrape;
  return Object.fromEntries(Object.entries(proxyScrape).filter(([name]) => !name.startsWith(plain)));
}

/** Of all revisions. */
export const proxiesMonitor = 'weft-proxies';

export function createMonitors(namespace: string, revision: string): readonly object[] {
  const { control } = namesOf(revision);
  return [
    monitor(control, namespace, {
      selector: { matchLabels: { app: control } },
      podMetricsEndpoints: [{ port: 'http-admin', path: '/metrics' }],
    }),
    // Sidecars, agents and Gateways alike: whoever has the port.
    monitor(proxiesMonitor, namespace, {
      namespaceSelector: { any: true },
      selector: {},
      podMetricsEndpoints: [{ port: readyPort.name, path: '/stats/prometheus' }],
    }),
  ];
}

function monitor(name: string, namespace: string, spec: object): object {
  return { apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', metadata: { name, namespace }, spec };
}
