// Route configurations of proxies that call: every Service by its names (sidecar, node agent), or a Gateway's hosts.

import { create } from '@bufbuild/protobuf';
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '../../xds/api.ts';
import type { GatewayModel, GatewaySocket, PortModel, RuleModel, ServiceModel } from '../model/types.ts';
import { defaultPolicy, type ServicePolicySettings } from '../schema/service-policy.ts';
import { domainsOf } from './names.ts';
import { compileDefaultRoute, compileRule } from './route.ts';

/** One port of a Service, as callers in `namespace` see it; empty: callers of no namespace. */
export function compileOutboundHost(service: ServiceModel, port: PortModel, namespace: string): VirtualHost {
  return create(VirtualHostSchema, {
    name: port.id,
    domains: [...domainsOf(service, port, namespace)],
    routes: [...compilePortRoutes(port, namespace)],
    includeRequestAttemptCount: true,
  });
}

/** What an outbound table ends with: an authority that nobody knows. */
export function compileUnknownHost(): VirtualHost {
  return refuseAll('unknown', ['*'], 404);
}

function compilePortRoutes(port: PortModel, namespace: string) {
  const rules = port.routes.consumers.get(namespace) ?? port.routes.producer;
  if (rules === null) return [compileDefaultRoute(port.id, port.policy)];
  // No catch-all behind them: what matches no attached route is refused with 404 (GAMMA).
  return rules.flatMap((rule) => compileRule(rule, port.policy, null));
}

export function compileGatewayRoutes(
  gateway: GatewayModel,
  socket: GatewaySocket,
  boundPort: number,
  ports: ReadonlyMap<string, PortModel>,
): RouteConfiguration {
  const virtualHosts = socket.hosts.map(({ hostname, rules }) =>
    create(VirtualHostSchema, {
      name: `${gateway.id}/${hostname}`,
      domains: [...hostDomains(hostname, [socket.port, boundPort])],
      routes: rules.flatMap((rule) => compileRule(rule, policyOfBackend(rule, ports), socket.port)),
      includeRequestAttemptCount: true,
    }),
  );
  if (!socket.hosts.some((host) => host.hostname === '*')) virtualHosts.push(compileUnknownHost());
  return create(RouteConfigurationSchema, { name: socket.name, virtualHosts });
}

/** A client may write any port behind the host; for a wildcard only the ports that are known can be told. */
export function hostDomains(hostname: string, ports: readonly number[]): readonly string[] {
  if (hostname === '*') return ['*'];
  if (!hostname.startsWith('*')) return [hostname, `${hostname}:*`];
  return [hostname, ...new Set(ports.map((port) => `${hostname}:${port}`))];
}

/** At a gateway nobody called a Service by name: the first backend's own policy is the nearest to what its owner meant. */
function policyOfBackend(rule: RuleModel, ports: ReadonlyMap<string, PortModel>): ServicePolicySettings {
  if (rule.action.kind !== 'forward') return defaultPolicy;
  const resolved = rule.action.backends.find((backend) => backend.port !== null);
  return ports.get(resolved?.port ?? '')?.policy ?? defaultPolicy;
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
