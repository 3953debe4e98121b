// What a Service says of which endpoint a caller gets: trafficDistribution, internalTrafficPolicy and sessionAffinity.
// kube-proxy reads the last two for callers of a cluster address; an ExternalName, and a headless Service whose pods
// callers reach by themselves, have none, and they say nothing there either.

import type { ServiceObject } from '../schema/resources.ts';
import { type ConditionBook, itself } from './status.ts';
import type { PortModel } from './types.ts';

const localities: ReadonlyMap<string, PortModel['locality']> = new Map([
  ['', 'Any'],
  ['PreferClose', 'PreferZone'],
  ['PreferSameZone', 'PreferZone'],
  ['PreferSameNode', 'PreferNode'],
]);

/** `asked`: by a ServicePolicy, which may prefer others than the Service does, but send to no other node. */
export function decideLocality(
  service: ServiceObject,
  asked: 'PreferZone' | 'Any' | undefined,
): PortModel['locality'] {
  const { internalTrafficPolicy, trafficDistribution } = service.spec;
  if (internalTrafficPolicy === 'Local' && isBalanced(service)) return 'OnlyNode';
  return asked ?? localities.get(trafficDistribution) ?? 'Any';
}

/** Calls of one client go to one endpoint. */
export function isSticky(service: ServiceObject): boolean {
  return service.spec.sessionAffinity === 'ClientIP' && isBalanced(service);
}

/** kube-proxy chooses an endpoint for its callers. */
function isBalanced({ spec }: ServiceObject): boolean {
  return spec.type !== 'ExternalName' && spec.clusterIP !== 'None';
}

export function tellHints(service: ServiceObject, book: ConditionBook): void {
  const { trafficDistribution, internalTrafficPolicy, sessionAffinity, type, ports } = service.spec;
  const tell = (reason: string, message: string): void =>
    book.add(service.key, { type: 'PartiallyInvalid', status: 'False', reason, message, subject: itself });
  if (!localities.has(trafficDistribution))
    tell('UnknownHint', `trafficDistribution ${trafficDistribution} is not known here and has no effect`);
  if (!isBalanced(service)) {
    const kind = type === 'ExternalName' ? 'an ExternalName' : 'a headless Service';
    if (internalTrafficPolicy === 'Local')
      tell('UnknownHint', `internalTrafficPolicy Local has no effect for ${kind}`);
    if (sessionAffinity === 'ClientIP')
      tell('UnknownHint', `sessionAffinity ClientIP has no effect for ${kind}`);
  }
  if (type === 'ExternalName' && ports.length === 0)
    tell('NoPorts', 'an ExternalName is carried by the ports it names, and it names none');
}
