// Who may call a Service, as its own sidecars are told: for a question that is answered offline by the code that
// decides it in a mesh.

import { typeUrls, type XdsResource } from '../xds/index.ts';
import { type ManifestFile, readMesh } from './check.ts';
import { readsHttp } from './compile/captured-filters.ts';
import { bytesChain } from './compile/captured-inbound.ts';
import { findApplicationPort } from './compile/inbound-ports.ts';
import { MeshCompiler } from './compile/mesh.ts';
import type { Model, ServiceModel } from './model/types.ts';

/** A pod that no manifest names, of the account that is asked about; an address for documentation (RFC 5737). */
const callerAddress = '192.0.2.1';

export type AccessCaller =
  | { readonly kind: 'account'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'address'; readonly address: string };

export interface AccessOutlook {
  /** What the sidecars of the Service route requests by, and carry bytes by. */
  readonly routes: XdsResource;
  readonly listener: XdsResource;
  /** Of the caller. */
  readonly address: string;
  readonly ports: readonly AccessPort[];
}

/** A port of the Service. */
export interface AccessPort {
  readonly port: number;
  readonly name: string;
  /** What leads to it; null: its bytes are carried, and nobody reads a method or a path. */
  readonly authority: string | null;
  /** Of the listener, by which its bytes are carried. */
  readonly chain: string;
}

/** null: the manifests have no such Service. */
export function compileAccessOutlook(
  files: readonly ManifestFile[],
  service: { readonly namespace: string; readonly name: string },
  caller: AccessCaller,
): AccessOutlook | null {
  const asking = caller.kind === 'account' ? [...files, createCaller(caller)] : files;
  const { model } = readMesh(asking).built;
  const found = model.services.get(`${service.namespace}/${service.name}`);
  if (found === undefined) return null;
  const containerPorts = numberPorts(model);
  const { resources } = new MeshCompiler(model).compile({
    role: 'sidecar',
    namespace: found.namespace,
    zone: '',
    node: '',
    labels: found.selector,
    vhds: 'table',
    cds: 'unasked',
    calls: 'all',
    account: '',
    outbound: { host: '127.0.0.1', port: 15001 },
    inbound: { host: '0.0.0.0', port: 15006 },
    capture: true,
    ipv6: false,
    application: {},
    containerPorts,
  });
  const [routes, listener] = [typeUrls.route, typeUrls.listener].map((url) =>
    resources.get(url)?.get('inbound'),
  );
  if (routes === undefined || listener === undefined) return null;
  return {
    routes,
    listener,
    address: caller.kind === 'address' ? caller.address : callerAddress,
    ports: found.ports.map((port) => ({
      port: port.port,
      name: port.name,
      authority: readsHttp(port) ? `${authorityOf(found)}:${port.port}` : null,
      chain: bytesChain(findApplicationPort(port, { application: {}, containerPorts }) ?? 0),
    })),
  };
}

function authorityOf({ name, namespace }: ServiceModel): string {
  return `${name}.${namespace}.svc.cluster.local`;
}

function createCaller({
  namespace,
  name,
}: Extract<AccessCaller, { readonly kind: 'account' }>): ManifestFile {
  const labels = { 'weft.dev/service-account': name };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `caller-${name}`, namespace, labels },
    spec: { serviceAccountName: name, containers: [{ name: 'caller', image: 'caller' }] },
    status: { phase: 'Running', podIPs: [{ ip: callerAddress }] },
  };
  return { path: 'caller', text: JSON.stringify(pod) };
}

/** No container says the number of a port that has a name; that two names are two ports is all that matters. */
function numberPorts({ services }: Model): Readonly<Record<string, number>> {
  const names = [...services.values()].flatMap(({ ports }) =>
    ports.flatMap(({ targetPort }) => (typeof targetPort === 'string' ? [targetPort] : [])),
  );
  return Object.fromEntries([...new Set(names)].map((name, at) => [name, 60_000 + at]));
}
