// Route configurations of proxies that call: every Service by its names (sidecar, node agent), or a Gateway's hosts.

import { create } from '@bufbuild/protobuf';
import {
  RouteActionSchema,
  type RouteConfiguration,
  RouteConfigurationSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '../../xds/api.ts';
import type { GatewayModel, HttpChain, PortModel, RuleModel } from '../model/types.ts';
import { defaultPolicy, type ServicePolicySettings } from '../schema/service-policy.ts';
import { durationOf, weftMetadata } from './messages.ts';
import { compileDefaultRoutes, compileRule } from './route.ts';

/** Who calls. */
export interface Callers {
  /** Empty: of no namespace. */
  readonly namespace: string;
  /** {@link RulePlace.showsClients}. */
  readonly showsClients: boolean;
}

/** One port of a Service, as callers see it, under the domains that are its own. */
export function compileOutboundHost(
  port: PortModel,
  callers: Callers,
  domains: readonly string[],
): VirtualHost {
  return create(VirtualHostSchema, {
    name: port.id,
    domains: [...domains],
    routes: [...compilePortRoutes(port, callers)],
    includeRequestAttemptCount: true,
  });
}

/** What an outbound table ends with: an authority that nobody knows. */
export function compileUnknownHost(): VirtualHost {
  return refuseAll('unknown', ['*'], 404);
}

function compilePortRoutes(port: PortModel, { namespace, showsClients }: Callers) {
  const rules = port.routes.consumers.get(namespace) ?? port.routes.producer;
  if (rules === null) return compileDefaultRoutes(port, showsClients);
  // No catch-all behind them: what matches no attached route is refused with 404 (GAMMA).
  return rules.flatMap((rule) =>
    compileRule(rule, port.policy, {
      service: port.service,
      listenerPort: null,
      hostname: null,
      secure: false,
      showsClients,
    }),
  );
}

export function compileGatewayRoutes(
  gateway: GatewayModel,
  listenerPort: number,
  chain: HttpChain,
  ports: ReadonlyMap<string, PortModel>,
): RouteConfiguration {
  const virtualHosts = chain.hosts.map(({ hostname, rules }) =>
    create(VirtualHostSchema, {
      name: `${gateway.id}/${hostname}`,
      domains: [hostname],
      routes: rules.flatMap((rule) =>
        compileRule(rule, policyOfBackend(rule, ports), {
          service: serviceAsked(rule, ports),
          listenerPort,
          hostname: hostname.startsWith('*') ? null : hostname,
          secure: chain.tls !== null,
          showsClients: true,
        }),
      ),
      includeRequestAttemptCount: true,
    }),
  );
  if (chain.misdirected.length > 0) virtualHosts.push(refuseAll('misdirected', chain.misdirected, 421));
  const taken = [...chain.hosts.map(({ hostname }) => hostname), ...chain.misdirected];
  if (!taken.includes('*')) virtualHosts.push(compileUnknownHost());
  // Clients reach a gateway through ports that it cannot know (a NodePort, a port forward): none is part of the name.
  return create(RouteConfigurationSchema, {
    name: chain.name,
    virtualHosts,
    ignorePortInHostMatching: true,
  });
}

/** A client may write any port behind the host. A wildcard's ports no domain can say: one has one wildcard. */
export function hostDomains(hostname: string): readonly string[] {
  return hostname.startsWith('*') ? [hostname] : [hostname, `${hostname}:*`];
}

/** At a gateway: of the first backend. */
function serviceAsked({ action }: RuleModel, ports: ReadonlyMap<string, PortModel>): string {
  if (action.kind === 'unavailable') return action.asked;
  if (action.kind !== 'forward') return '';
  const resolved = action.backends.find((backend) => backend.port !== null);
  return ports.get(resolved?.port ?? '')?.service ?? '';
}

/**
 * At a gateway nobody called a Service by name: the first backend's own policy is the nearest to what its owner meant.
 */
function policyOfBackend(rule: RuleModel, ports: ReadonlyMap<string, PortModel>): ServicePolicySettings {
  if (rule.action.kind !== 'forward') return defaultPolicy;
  const resolved = rule.action.backends.find((backend) => backend.port !== null);
  return ports.get(resolved?.port ?? '')?.policy ?? defaultPolicy;
}

/** To a cluster without a clock or a retry of this proxy: whoever calls has its own. */
export function forwardUntouched(cluster: string) {
  return {
    action: {
      case: 'route' as const,
      value: create(RouteActionSchema, {
        clusterSpecifier: { case: 'cluster', value: cluster },
        timeout: durationOf(0),
      }),
    },
    metadata: weftMetadata({ timeouts: { request: '0s', attempt: '0s' }, retry: { on: [], attempts: 0 } }),
  };
}

export function refuseAll(name: string, domains: readonly string[], status: number): VirtualHost {
  return create(VirtualHostSchema, {
    name,
    domains: [...domains],
    routes: [
      {
        name,
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        action: { case: 'directResponse', value: { status } },
      },
    ],
  });
}
