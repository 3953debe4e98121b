// What the proxies of a Gateway get: its listeners, their routes, and the keys that they end TLS with, which go nowhere
// else.

import { toBinary } from '@bufbuild/protobuf';
import { ListenerSchema, RouteConfigurationSchema, SecretSchema } from '../../xds/api.ts';
import { typeUrls, type XdsResource } from '../../xds/index.ts';
import { type GatewayModel, hostsOf, type Model, type PortModel, type SecretModel } from '../model/types.ts';
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
  return inputs;
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
  const missing = `there is no Gateway ${scope.namespace}/${scope.gateway} of class weft`;
  return {
    listeners: replaceAll(before?.listeners, listeners),
    routes: replaceAll(before?.routes, routes),
    hosts: noResources,
    secrets: replaceAll(before?.secrets, [...secrets.values()]),
    clusters: [],
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
