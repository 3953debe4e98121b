// The mesh as the manifests mean it: services with ports, endpoints, policy and routes; gateways with hosts and routes.
// Immutable, built whole (build.ts), sorted by name, and free of any proxy's view of it: that is the compiler's work.

import type { AccessRule } from '../schema/access-policy.ts';
import type { CorsSettings, HttpHeaderEdits, HttpPathEdit } from '../schema/http-filters.ts';
import type { HttpRouteMatch } from '../schema/http-route.ts';
import type { ServicePolicySettings } from '../schema/service-policy.ts';
import type { ObjectKey } from '../source/types.ts';
import type { ClientTrust } from './client-trust.ts';

export interface Model {
  /** By `namespace/name`, sorted. */
  readonly services: ReadonlyMap<string, ServiceModel>;
  /** By `namespace/name`, sorted. */
  readonly gateways: ReadonlyMap<string, GatewayModel>;
  /** Places outside that routes alone lead to (XBackend), by {@link PortModel.id}, `namespace/XBackend/name:port`. */
  readonly backends: ReadonlyMap<string, PortModel>;
}

export interface ServiceModel {
  /** `namespace/name`. */
  readonly id: string;
  readonly key: ObjectKey;
  readonly namespace: string;
  readonly name: string;
  /**
   * It stands for one pod of this headless Service (`db-0.db`): a name that the cluster's DNS answers; null: a Service
   * that somebody wrote.
   */
  readonly podOf: string | null;
  /** Labels of the pods that serve it; empty: none can be told. */
  readonly selector: Readonly<Record<string, string>>;
  /** At which the cluster reaches all of it (ClusterIPs); none: headless, or not known. */
  readonly addresses: readonly string[];
  /** Ports that the mesh carries, in the Service's order. */
  readonly ports: readonly PortModel[];
  /** The others, of which the network alone can say who may call. */
  readonly uncarried: readonly UncarriedPort[];
}

/** A port whose datagrams or streams go by no proxy (UDP, SCTP). */
export interface UncarriedPort {
  readonly protocol: string;
  /** A number, or the name of a container's port. */
  readonly targetPort: number | string;
  /** null: no policy says who may call it, and everybody may. */
  readonly access: AccessModel | null;
}

export interface PortModel {
  /** `namespace/service:port`; the name of its cluster and virtual host everywhere. */
  readonly id: string;
  readonly service: string;
  readonly port: number;
  readonly name: string;
  /** A number, or the name of a container's port. */
  readonly targetPort: number | string;
  readonly protocol: PortProtocol;
  /** Nothing but the custom says that it is HTTP: who is not asked by an HTTP client had better not read it. */
  readonly doubtful: boolean;
  /** Which of its endpoints a caller is given: its node's alone, those near it first, or all alike. */
  readonly locality: 'OnlyNode' | 'PreferNode' | 'PreferZone' | 'Any';
  /** Calls of one client go to one endpoint as long as it is there (sessionAffinity). */
  readonly sticky: boolean;
  readonly policy: ServicePolicySettings;
  readonly endpoints: readonly EndpointModel[];
  /** Nobody is called there, whatever its slices say: the TLS that was asked for cannot be had. */
  readonly closed: boolean;
  /** Of an ExternalName or an XBackend: the DNS name that is called instead of endpoints; null: endpoints. */
  readonly external: string | null;
  /**
   * Whoever may write objects chose that name: it is absolute, and what it stands for is elsewhere. In files, which are
   * the operator's own, it may be this host.
   */
  readonly outside: boolean;
  /** How its pods are spoken to in TLS; null: without. */
  readonly tls: BackendTlsModel | null;
  /** What is shown in TLS: what the Gateway has for it, a certificate of its own, or nothing. */
  readonly shown: SecretModel | 'of the Gateway' | null;
  readonly routes: PortRoutes;
  /** null: no policy says who may call it, and everybody may. */
  readonly access: AccessModel | null;
  /** What a refusal of its cluster should be told: the Service and the policies in force. */
  readonly owners: readonly ObjectKey[];
}

/** What its pods speak: HTTP/1.1, HTTP/2 without TLS, or bytes that nobody here reads. */
export type PortProtocol = 'http' | 'http2' | 'opaque';

export interface BackendTlsModel {
  /** Asked for by SNI. */
  readonly serverName: string;
  /** One of these must be in the certificate. */
  readonly names: readonly { readonly type: 'Hostname' | 'URI'; readonly value: string }[];
  /** PEM; empty: those that the proxy's system trusts. */
  readonly authorities: string;
}

export interface AccessModel {
  /** Who passes; null: everybody, as no policy is enforced. */
  readonly enforced: readonly AccessRuleModel[] | null;
  /** Who would pass if those that are only audited were enforced too; null: none is only audited. */
  readonly audited: readonly AccessRuleModel[] | null;
}

export interface AccessRuleModel {
  /** `namespace/policy/rule`. */
  readonly name: string;
  readonly owner: ObjectKey;
  /** null: everybody. */
  readonly callers: readonly CallerModel[] | null;
  /** What may be asked; none: everything. */
  readonly http: AccessRule['http'];
}

/** Those of pods are their addresses: what the network shows of a caller before it proves who it is. */
export type CallerModel =
  | {
      readonly kind: 'account';
      readonly namespace: string;
      readonly name: string;
      readonly addresses: readonly string[];
      /** All its pods carry the label that network policies know it by. */
      readonly labelled: boolean;
    }
  | { readonly kind: 'namespace'; readonly name: string; readonly addresses: readonly string[] }
  | { readonly kind: 'block'; readonly cidr: string; readonly except: readonly string[] };

export interface PortRoutes {
  /** null: no route is attached, everything goes to the Service. Otherwise what matches none is refused. */
  readonly producer: readonly RuleModel[] | null;
  /** By the callers' namespace; these replace the producer's routes for callers there. */
  readonly consumers: ReadonlyMap<string, readonly RuleModel[]>;
}

export interface EndpointModel {
  /** IP address. */
  readonly host: string;
  /** Of the sidecar where `proxied`, else of the application. */
  readonly port: number;
  /** The pod; empty where unknown. */
  readonly name: string;
  /** Its own name below a headless Service; empty: it has none. */
  readonly hostname: string;
  /** Empty: not known. */
  readonly zone: string;
  /** The machine; empty: not known. */
  readonly node: string;
  /** Zones it is meant for (hints); empty: no hint. */
  readonly forZones: readonly string[];
  /** Machines it is meant for (hints); empty: no hint. */
  readonly forNodes: readonly string[];
  /** Still serving while it terminates: the last resort. */
  readonly draining: boolean;
  /** The address is that of a sidecar's inbound listener. */
  readonly proxied: boolean;
}

/** One match of one rule; lists of these are in order of precedence. */
export interface RuleModel {
  /** `namespace/route/rule`. */
  readonly name: string;
  readonly owner: ObjectKey;
  readonly match: HttpRouteMatch;
  /** Of a GRPCRoute: gRPC requests alone match. */
  readonly grpc: boolean;
  /** Where it stands among the matches of all routes on one parent: compared number by number, the lowest first. */
  readonly order: readonly number[];
  readonly action: RuleAction;
  /** Who gets a copy of what matches. */
  readonly mirrors: readonly MirrorModel[];
  readonly cors: CorsSettings | null;
  readonly requestEdits: HttpHeaderEdits | null;
  readonly responseEdits: HttpHeaderEdits | null;
  /** null: the policy's holds. */
  readonly requestTimeout: string | null;
  readonly attemptTimeout: string | null;
  readonly retry: RuleRetry | null;
}

export interface MirrorModel {
  /** {@link PortModel.id}. */
  readonly port: string;
  /** Of a million requests. */
  readonly perMillion: number;
}

export interface RuleRetry {
  readonly codes: readonly number[];
  readonly attempts: number | null;
  readonly backoff: string | null;
}

export type RuleAction =
  | {
      readonly kind: 'forward';
      /** Those with a weight above 0; at least one is resolved. */
      readonly backends: readonly BackendModel[];
      readonly hostname: string | null;
      readonly path: HttpPathEdit | null;
    }
  | {
      readonly kind: 'redirect';
      readonly scheme: 'http' | 'https' | null;
      readonly hostname: string | null;
      readonly port: number | null;
      readonly path: HttpPathEdit | null;
      readonly status: 301 | 302 | 303 | 307 | 308;
    }
  /** Nothing valid to send to: 500, and of gRPC the status UNAVAILABLE, as Gateway API has it. */
  | {
      readonly kind: 'unavailable';
      /** `namespace/name` of the Service that was meant first; empty: none can be told. */
      readonly asked: string;
    };

export interface BackendModel {
  /** {@link PortModel.id}; null: cannot be resolved, its share is answered 500. */
  readonly port: string | null;
  /** Its requests stay in the mesh: it is no ExternalName, and no XBackend. */
  readonly meshed: boolean;
  /** {@link PortModel.sticky}. */
  readonly sticky: boolean;
  readonly weight: number;
  readonly requestEdits: HttpHeaderEdits | null;
  readonly responseEdits: HttpHeaderEdits | null;
}

export interface GatewayModel {
  readonly id: string;
  readonly key: ObjectKey;
  readonly namespace: string;
  readonly name: string;
  /** What pods are shown that are spoken to in TLS; null: nothing. */
  readonly identity: SecretModel | null;
  /** One a port, since listeners of one port share a socket. */
  readonly sockets: readonly GatewaySocket[];
  /** Those of its own that are served, for their status. */
  readonly listeners: readonly ListenerCount[];
  /** Those that may attach listeners to it, the oldest first. */
  readonly sets: readonly ListenerSetModel[];
}

interface ListenerCount {
  readonly name: string;
  readonly attachedRoutes: number;
}

export interface ListenerSetModel {
  readonly key: ObjectKey;
  /** One of its listeners can be served. */
  readonly accepted: boolean;
  /** Those that are served. */
  readonly listeners: readonly ListenerCount[];
}

export interface GatewaySocket {
  /** `gateway/<namespace>/<name>/<first listener>`. */
  readonly name: string;
  readonly port: number;
  /** In the order of their listeners; of HTTP without TLS there is one. */
  readonly chains: readonly GatewayChain[];
  readonly trust: ClientTrust;
}

/** What becomes of a connection, by the name that its client asks for where there is TLS. */
export type GatewayChain = HttpChain | StreamChain;

interface ChainTls {
  /** Names that clients ask for, with `*.` before some; none: whatever is asked, or nothing is. */
  readonly serverNames: readonly string[];
  /** null: it is not ended here. */
  readonly tls: TerminationModel | null;
}

export interface HttpChain extends ChainTls {
  readonly kind: 'http';
  /** Of its routes. */
  readonly name: string;
  /**
   * By host name (`*` for any), sorted; one that no route took is there too, so that a wider listener does not answer
   * for it.
   */
  readonly hosts: readonly GatewayHost[];
  /** Hosts of other listeners of the port, whose requests must not come over connections to this one: 421. */
  readonly misdirected: readonly string[];
}

export interface GatewayHost {
  readonly hostname: string;
  readonly rules: readonly RuleModel[];
}

/** Bytes are carried as they are. */
export interface StreamChain extends ChainTls {
  readonly kind: 'stream';
  readonly name: string;
  readonly owner: ObjectKey;
  readonly backends: readonly Pick<BackendModel, 'port' | 'sticky' | 'weight'>[];
}

export interface TerminationModel {
  /** Each is tried by the name asked for and by what keys the client takes. */
  readonly certificates: readonly SecretModel[];
  readonly clients: ClientValidationModel | null;
}

export interface ClientValidationModel {
  /** Who signs them, PEM. */
  readonly authorities: string;
  /** One that is not sound, or not shown, is let through all the same. */
  readonly optional: boolean;
}

/** Goes to the proxies of the Gateways that use it, and nowhere else. */
export interface SecretModel {
  /** `certificate/<namespace>/<name>`. */
  readonly name: string;
  readonly certificate: string;
  readonly privateKey: string;
}

/** {@link PortModel.id} of every port that its routes send to, mirrors too. */
export function portsOf({ sockets }: GatewayModel): ReadonlySet<string> {
  const ports = sockets.flatMap((socket) => [
    ...hostsOf(socket).flatMap(({ rules }) => portsOfRules(rules)),
    ...socket.chains.flatMap((chain) =>
      chain.kind === 'stream' ? chain.backends.map(({ port }) => port) : [],
    ),
  ]);
  return new Set(ports.filter((port) => port !== null));
}

export function portsOfRules(rules: readonly RuleModel[]): readonly string[] {
  return rules
    .flatMap(({ action, mirrors }) => [
      ...(action.kind === 'forward' ? action.backends.map(({ port }) => port) : []),
      ...mirrors.map(({ port }) => port),
    ])
    .filter((port) => port !== null);
}

/** Of all chains that read HTTP. */
export function hostsOf({ chains }: GatewaySocket): readonly GatewayHost[] {
  return chains.flatMap((chain) => (chain.kind === 'http' ? chain.hosts : []));
}
