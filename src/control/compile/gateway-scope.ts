// What the proxies of a Gateway get: its listeners, their routes, and the keys that they end and begin TLS with, which
// go nowhere else.

import { toBinary } from '@bufbuild/protobuf';
import { ClusterSchema, ListenerSchema, RouteConfigurationSchema, SecretSchema } from '../../xds/api.ts';
import { typeUrls, type XdsResource } from '../../xds/index.ts';
import {
  type GatewayModel,
  hostsOf,
  type Model,
  type PortModel,
  portsOf,
  type SecretModel,
} from '../model/types.ts';
import { compileCluster } from './cluster.ts';
import { compileGatewayListener, gatewayListenerInput } from './gateway-listener.ts';
import { encodeResource, hashOf } from './resource.ts';
import type { Scope } from './scope.ts';
import { noResources, type OwnResources, replaceAll } from './scope-resources.ts';
import { compileSecret } from './tls.ts';
import { compileGatewayRoutes } from './virtual-hosts.ts';

type GatewayScope = Extract<Scope, { readonly role: 'gateway' }>;
type Ports = ReadonlyMap<string, PortModel>;

/** Equal inputs, object by object, give what was made before. */
export function gatewayInputs(scope: GatewayScope, model: Model, ports: Ports): readonly unknown[] {
  const gateway = findGateway(scope, model);
  const inputs: unknown[] = [gateway];
  for (const socket of gateway?.sockets ?? [])
    for (const { rules } of hostsOf(socket))
      for (const { action } of rules)
        if (action.kind === 'forward')
          for (const { port } of action.backends) inputs.push(port, ports.get(port ?? '')?.policy);
  if (gateway !== null)
    for (const { port, identity } of provenPorts(gateway, ports)) {
      const { id, policy, external, outside, protocol, tls, sticky } = port;
      inputs.push(id, policy, external, outside, protocol, tls, sticky, identity);
    }
  return inputs;
}

interface ProvenPort {
  readonly port: PortModel;
  readonly identity: SecretModel;
}

/** Those that are shown a certificate: their own, or what the Gateway has for all. */
function provenPorts(gateway: GatewayModel, ports: Ports): readonly ProvenPort[] {
  return [...portsOf(gateway)].sort().flatMap((id) => {
    const port = ports.get(id);
    if (port === undefined || port.tls === null) return [];
    const identity = port.shown === 'of the Gateway' ? gateway.identity : port.shown;
    return identity === null ? [] : [{ port, identity }];
  });
}

/** In the place of what other proxies have by these names: Gateways differ in what they show one Service. */
function compileProven(gateway: GatewayModel | null, ports: Ports, before: OwnResources | null) {
  const proven = gateway === null ? [] : provenPorts(gateway, ports);
  const clusters = proven.map(({ port, identity }) => {
    const held = before?.clusters.find(({ name }) => name === port.id);
    return encodeResource(ClusterSchema, port.id, compileCluster(port, identity.name), held);
  });
  return { clusters, secrets: proven.map(({ identity }) => identity) };
}

export function compileGatewayScope(
  scope: GatewayScope,
  model: Model,
  ports: Ports,
  before: OwnResources | null,
): OwnResources {
  const gateway = findGateway(scope, model);
  const listeners: XdsResource[] = [];
  const routes: XdsResource[] = [];
  const secrets = new Map<string, XdsResource>();
  const sockets = (gateway?.sockets ?? []).filter(({ chains }) => chains.length > 0);
  for (const [position, socket] of sockets.entries()) {
    // The node's own address is for the first; further sockets keep their ports on the same host.
    const host = scope.bind?.host ?? '0.0.0.0';
    const port = position === 0 ? (scope.bind?.port ?? socket.port) : socket.port;
    const { name } = socket;
    const input = gatewayListenerInput(socket, { host, port });
    listeners.push(
      encodeResource(ListenerSchema, name, compileGatewayListener(input), before?.listeners.get(name)),
    );
    for (const chain of socket.chains) {
      if (gateway !== null && chain.kind === 'http') {
        const table = compileGatewayRoutes(gateway, socket.port, chain, ports);
        routes.push(
          encodeResource(RouteConfigurationSchema, chain.name, table, before?.routes.get(chain.name)),
        );
      }
      for (const secret of chain.tls?.certificates ?? []) secrets.set(secret.name, encodeSecret(secret));
    }
  }
  const proven = compileProven(gateway, ports, before);
  for (const secret of proven.secrets) secrets.set(secret.name, encodeSecret(secret));
  const missing = `there is no Gateway ${scope.namespace}/${scope.gateway} of class weft`;
  return {
    listeners: replaceAll(before?.listeners, listeners),
    routes: replaceAll(before?.routes, routes),
    hosts: noResources,
    secrets: replaceAll(before?.secrets, [...secrets.values()]),
    clusters: proven.clusters,
    notes: gateway === null ? [missing] : [],
    inbound: null,
  };
}

/**
 * By name; a proxy that names none serves the only Gateway of its namespace. One whose Gateway is gone gets nothing:
 * another's listeners and keys are not for it.
 */
function findGateway(scope: GatewayScope, model: Model): GatewayModel | null {
  if (scope.gateway !== '') return model.gateways.get(`${scope.namespace}/${scope.gateway}`) ?? null;
  const local = [...model.gateways.values()].filter((one) => one.namespace === scope.namespace);
  return local.length === 1 ? (local[0] ?? null) : null;
}

function encodeSecret(secret: SecretModel): XdsResource {
  const bytes = toBinary(SecretSchema, compileSecret(secret));
  return {
    name: secret.name,
    typeUrl: typeUrls.secret,
    version: hashOf(Buffer.from(bytes).toString('base64')),
    bytes,
  };
}
