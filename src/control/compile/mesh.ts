// A model compiled for each scope that asks. What scopes share (clusters, endpoints of a zone, routes as a namespace sees them) is compiled once
// and shared by reference, down to the maps.

import {
  ClusterLoadAssignmentSchema,
  ClusterSchema,
  ListenerSchema,
  RouteConfigurationSchema,
} from '../../xds/api.ts';
import { typeUrls, type XdsResource } from '../../xds/index.ts';
import type { GatewayModel, Model, PortModel } from '../model/types.ts';
import { compileAssignment } from './assignment.ts';
import { compileCluster } from './cluster.ts';
import { compileInboundCluster, compileInboundRoutes, planInbound } from './inbound.ts';
import { compileListener, type ListenerInput } from './listener.ts';
import { hashOf, type ResourceCache } from './resource-cache.ts';
import type { Scope } from './scope.ts';
import { compileGatewayRoutes, compileOutboundRoutes } from './virtual-hosts.ts';

export type ResourceMap = ReadonlyMap<string, XdsResource>;

export interface CompiledScope {
  /** Type URL to name to resource; all four types are there. */
  readonly resources: ReadonlyMap<string, ResourceMap>;
  /** What the proxy cannot be given, as sentences. */
  readonly notes: readonly string[];
}

export class MeshCompiler {
  readonly #model: Model;
  readonly #cache: ResourceCache;
  readonly #ports = new Map<string, PortModel>();
  readonly #assignments = new Map<string, ResourceMap>();
  #clusters: ResourceMap | null = null;
  #routing: string | null = null;

  constructor(model: Model, cache: ResourceCache) {
    this.#model = model;
    this.#cache = cache;
    for (const service of model.services.values())
      for (const port of service.ports) this.#ports.set(port.id, port);
  }

  compile(scope: Scope): CompiledScope {
    switch (scope.role) {
      case 'sidecar':
        return this.#compileSidecar(scope);
      case 'agent':
        return this.#compileAgent(scope);
      case 'gateway':
        return this.#compileGateway(scope);
    }
  }

  #compileSidecar(scope: Extract<Scope, { readonly role: 'sidecar' }>): CompiledScope {
    const plan = planInbound(this.#model, scope);
    const input = JSON.stringify(plan);
    const variant = JSON.stringify([scope.namespace, scope.labels, scope.application]);
    const clusters = new Map(this.#sharedClusters());
    for (const target of plan.targets) {
      const make = () => compileInboundCluster(target);
      const key = `${variant} ${target.applicationPort}`;
      add(clusters, this.#cache.get(ClusterSchema, target.cluster, key, JSON.stringify(target), make));
    }
    const inbound = this.#cache.get(RouteConfigurationSchema, 'inbound', variant, input, () =>
      compileInboundRoutes('inbound', plan),
    );
    return {
      resources: bundle({
        listeners: [
          this.#listener({ name: 'outbound', bind: scope.outbound, direction: 'outbound' }),
          this.#listener({ name: 'inbound', bind: scope.inbound, direction: 'inbound' }),
        ],
        routes: [this.#outboundRoutes('outbound', scope.namespace), inbound],
        clusters,
        assignments: this.#sharedAssignments(scope.zone),
      }),
      notes: plan.unresolved.map(
        (port) => `${port}: its targetPort is a name, and metadata.application does not say what it is here`,
      ),
    };
  }

  #compileAgent(scope: Extract<Scope, { readonly role: 'agent' }>): CompiledScope {
    return {
      resources: bundle({
        listeners: [this.#listener({ name: 'agent', bind: scope.bind, direction: 'outbound' })],
        routes: [this.#outboundRoutes('agent', scope.namespace)],
        clusters: this.#sharedClusters(),
        assignments: this.#sharedAssignments(scope.zone),
      }),
      notes: [],
    };
  }

  #compileGateway(scope: Extract<Scope, { readonly role: 'gateway' }>): CompiledScope {
    const gateway = this.#findGateway(scope);
    const listeners: XdsResource[] = [];
    const routes: XdsResource[] = [];
    for (const [position, socket] of (gateway?.sockets ?? []).entries()) {
      // The node's own address is for the first; further sockets keep their ports on the same host.
      const host = scope.bind?.host ?? '0.0.0.0';
      const port = position === 0 ? (scope.bind?.port ?? socket.port) : socket.port;
      listeners.push(this.#listener({ name: socket.name, bind: { host, port }, direction: 'gateway' }));
      const input = `${this.#routingInput()} ${port}`;
      routes.push(
        this.#cache.get(RouteConfigurationSchema, socket.name, String(port), input, () =>
          compileGatewayRoutes(gateway as GatewayModel, socket, port, this.#ports),
        ),
      );
    }
    const missing = `there is no Gateway ${scope.namespace}/${scope.gateway} of class weft`;
    return {
      resources: bundle({
        listeners,
        routes,
        clusters: this.#sharedClusters(),
        assignments: this.#sharedAssignments(scope.zone),
      }),
      notes: gateway === null ? [missing] : [],
    };
  }

  /** By name; a proxy whose name says nothing serves the only Gateway of its namespace. */
  #findGateway(scope: Extract<Scope, { readonly role: 'gateway' }>): GatewayModel | null {
    const named = this.#model.gateways.get(`${scope.namespace}/${scope.gateway}`);
    if (named !== undefined) return named;
    const local = [...this.#model.gateways.values()].filter((one) => one.namespace === scope.namespace);
    return local.length === 1 ? (local[0] ?? null) : null;
  }

  #listener(input: ListenerInput): XdsResource {
    const { host, port } = input.bind;
    return this.#cache.get(ListenerSchema, input.name, `${host} ${port}`, input.direction, () =>
      compileListener(input),
    );
  }

  #outboundRoutes(name: string, namespace: string): XdsResource {
    return this.#cache.get(RouteConfigurationSchema, name, namespace, this.#routingInput(), () =>
      compileOutboundRoutes(name, this.#model, namespace),
    );
  }

  #sharedClusters(): ResourceMap {
    if (this.#clusters !== null) return this.#clusters;
    const map = new Map<string, XdsResource>();
    for (const { id, service, policy } of this.#ports.values()) {
      const input = { id, service, policy };
      add(
        map,
        this.#cache.get(ClusterSchema, id, '', JSON.stringify(input), () => compileCluster(input)),
      );
    }
    this.#clusters = map;
    return map;
  }

  #sharedAssignments(zone: string): ResourceMap {
    const known = this.#assignments.get(zone);
    if (known !== undefined) return known;
    const map = new Map<string, XdsResource>();
    for (const { id, endpoints, locality } of this.#ports.values()) {
      const input = { id, endpoints, locality };
      add(
        map,
        this.#cache.get(ClusterLoadAssignmentSchema, id, zone, JSON.stringify(input), () =>
          compileAssignment(input, zone),
        ),
      );
    }
    this.#assignments.set(zone, map);
    return map;
  }

  /** Everything that route configurations are made of, hashed once a model: all but the endpoints. */
  #routingInput(): string {
    if (this.#routing !== null) return this.#routing;
    const services = [...this.#model.services.values()].map(({ id, ports }) => [
      id,
      ports.map(({ port, name, policy, routes }) => [
        port,
        name,
        policy.timeouts,
        policy.retry,
        routes.producer,
        [...routes.consumers],
      ]),
    ]);
    this.#routing = hashOf(JSON.stringify([services, [...this.#model.gateways]]));
    return this.#routing;
  }
}

function add(map: Map<string, XdsResource>, resource: XdsResource): void {
  map.set(resource.name, resource);
}

function bundle(parts: {
  readonly listeners: readonly XdsResource[];
  readonly routes: readonly XdsResource[];
  readonly clusters: ResourceMap;
  readonly assignments: ResourceMap;
}): ReadonlyMap<string, ResourceMap> {
  return new Map([
    [typeUrls.cluster, parts.clusters],
    [typeUrls.endpoint, parts.assignments],
    [typeUrls.listener, byName(parts.listeners)],
    [typeUrls.route, byName(parts.routes)],
  ]);
}

function byName(resources: readonly XdsResource[]): ResourceMap {
  return new Map(resources.map((resource) => [resource.name, resource]));
}
