// `weft check --why HOST PATH`: which route and which endpoints a request would get, by the code that decides it in a
// mesh: compiled by the control plane, decoded and matched as a proxy does.

import { Xoshiro128 } from '../base/index.ts';
import { compileOutlooks, type ManifestFile } from '../control/index.ts';
import { compileRoutes, type Route } from '../policy/index.ts';

export interface Question {
  readonly host: string;
  readonly path: string;
  /** Whose callers ask: bare names and consumer routes depend on it. */
  readonly namespace: string;
}

export async function explain(
  files: readonly ManifestFile[],
  question: Question,
): Promise<readonly string[]> {
  const { decodeResource } = await import('../proxy/index.ts');
  return compileOutlooks(files, question.namespace).map(({ name, routes, endpointsOf }) => {
    const decoded = decodeResource(routes);
    if (!decoded.ok || decoded.meaning.kind !== 'route') return `${name}: cannot be told`;
    const table = compileRoutes(decoded.meaning.value);
    if (!table.ok) return `${name}: cannot be told`;
    const view = { authority: question.host, method: 'GET', path: question.path, getName: () => null };
    const hit = table.value.match(view, new Xoshiro128(1));
    return `${name}: ${hit === null ? 'no route, 404' : describe(hit.route, endpointsOf)}`;
  });
}

function describe(route: Route, endpointsOf: (cluster: string) => readonly string[]): string {
  const { action } = route;
  if (action.kind === 'respond') return `route ${route.name}, answered ${action.status}`;
  if (action.kind === 'redirect') return `route ${route.name}, redirected with ${action.status}`;
  const sum = action.clusters.reduce((all, { weight }) => all + weight, 0);
  const shares = action.clusters.map(({ cluster, weight }) => {
    const share = action.clusters.length === 1 ? '' : ` (${Math.round((weight / sum) * 100)} %)`;
    const endpoints = endpointsOf(cluster);
    return `${cluster}${share}: ${endpoints.length === 0 ? 'no endpoints' : endpoints.join(' ')}`;
  });
  return `route ${route.name} to ${shares.join('; ')}`;
}
