// What of a pod's traffic its proxy takes, as the pod's annotations and ports say it.

import { annotations } from './annotations.ts';
import { encodePorts, type RedirectNote } from './cni/redirect-note.ts';
import type { ContainerObject, PodObject } from './objects.ts';
import { parseCapturedPorts, parseInterfaces, parseRanges } from './redirect.ts';

/** What is not HTTP, or none of the mesh's, passes through as it is: either way. */
const standard = 'all';

/** A fault says which annotation asks for what cannot be. */
export function readCapturedTraffic(pod: PodObject): RedirectNote | { readonly fault: string } {
  const said = pod.metadata?.annotations ?? {};
  const { outboundPorts, inboundPorts, skipPorts, skipCidrs, skipInterfaces } = annotations;
  const fault = (annotation: string, must: string) => ({
    fault: `annotation ${annotation} must be ${must} (got ${said[annotation] ?? ''})`,
  });
  const outbound = parseCapturedPorts(said[outboundPorts] ?? standard);
  const inbound = parseCapturedPorts(said[inboundPorts] ?? standard);
  const skip = parseCapturedPorts(said[skipPorts] ?? '');
  const cidrs = parseRanges(said[skipCidrs] ?? '');
  const interfaces = parseInterfaces(said[skipInterfaces] ?? '');
  if (outbound === null) return fault(outboundPorts, portsOrAll);
  if (inbound === null) return fault(inboundPorts, portsOrAll);
  if (skip === null || skip === 'all') return fault(skipPorts, portsOrAll);
  if (cidrs === null) return fault(skipCidrs, 'addresses or ranges as 10.0.0.0/8,fd00::1');
  if (interfaces === null) return fault(skipInterfaces, 'names of interfaces as net1,net2');
  return { outbound, inbound, skip, cidrs, interfaces };
}

const portsOrAll = 'ports as 80,8080, or all or none';

/** Of `weft redirect`, which the pod's first container runs. */
export function redirectArgs({
  outbound,
  inbound,
  skip,
  cidrs,
  interfaces,
}: RedirectNote): readonly string[] {
  const more = (flag: string, items: readonly string[]) =>
    items.length === 0 ? [] : [flag, items.join(',')];
  return [
    ...['redirect', '--outbound-ports', encodePorts(outbound), '--inbound-ports', encodePorts(inbound)],
    '--skip-node',
    ...more('--skip-ports', skip.map(String)),
    ...more('--skip-to', cidrs),
    ...more('--skip-interfaces', interfaces),
  ];
}

export function listPorts({ spec }: PodObject): readonly NonNullable<ContainerObject['ports']>[number][] {
  return spec.containers
    .flatMap((container) => container.ports ?? [])
    .filter(({ protocol }) => protocol === undefined || protocol === 'TCP');
}
