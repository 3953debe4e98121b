// What a Gateway's proxies show pods that are spoken to in TLS (Gateway.spec.tls.backend). Where it cannot be had these
// pods are not called at all: without it they would take the Gateway for somebody else, or for nobody, unseen.

import type { GatewayObject } from '../schema/resources.ts';
import { type CertificateStore, isRefusal } from './certificates.ts';
import { type ConditionBook, itself } from './status.ts';
import type {
  GatewayChain,
  GatewayModel,
  GatewaySocket,
  RuleModel,
  SecretModel,
  ServiceModel,
} from './types.ts';

/** null: nothing is to be shown; `broken`: it cannot be had. */
export type BackendIdentity = SecretModel | 'broken' | null;

export function resolveIdentity(
  { key, metadata: { namespace }, spec }: GatewayObject,
  store: CertificateStore,
  book: ConditionBook,
): BackendIdentity {
  const ref = spec.tls?.backend?.clientCertificateRef;
  if (ref === undefined) return null;
  const from = { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace };
  const found = store.identity(from, ref, 'InvalidClientCertificateRef');
  if (!isRefusal(found)) return found;
  const message = `tls.backend.clientCertificateRef: ${found.message}; nothing is sent to pods that speak TLS`;
  book.add(key, { type: 'ResolvedRefs', status: 'False', reason: found.reason, message, subject: itself });
  return 'broken';
}

/** Those named by `unproven` without the ports that are spoken to in TLS. */
export function closeUnproven(
  gateways: ReadonlyMap<string, GatewayModel>,
  unproven: ReadonlySet<string>,
  services: ReadonlyMap<string, ServiceModel>,
): ReadonlyMap<string, GatewayModel> {
  if (unproven.size === 0) return gateways;
  const secured = new Set<string>();
  for (const { ports } of services.values())
    for (const { id, tls } of ports) if (tls !== null) secured.add(id);
  const close = (port: string | null) => (port !== null && secured.has(port) ? null : port);
  return new Map(
    [...gateways].map(([id, gateway]) => [
      id,
      unproven.has(id)
        ? { ...gateway, sockets: gateway.sockets.map((socket) => closeSocketTo(socket, close)) }
        : gateway,
    ]),
  );
}

type Close = (port: string | null) => string | null;

function closeSocketTo(socket: GatewaySocket, close: Close): GatewaySocket {
  return { ...socket, chains: socket.chains.map((chain) => closeChain(chain, close)) };
}

function closeChain(chain: GatewayChain, close: Close): GatewayChain {
  if (chain.kind === 'stream')
    return { ...chain, backends: chain.backends.map((one) => ({ ...one, port: close(one.port) })) };
  const hosts = chain.hosts.map(({ hostname, rules }) => ({
    hostname,
    rules: rules.map((rule) => closeRule(rule, close)),
  }));
  return { ...chain, hosts };
}

function closeRule(rule: RuleModel, close: Close): RuleModel {
  const mirrors = rule.mirrors.filter(({ port }) => close(port) !== null);
  const { action } = rule;
  if (action.kind !== 'forward') return { ...rule, mirrors };
  const backends = action.backends.map((one) => ({ ...one, port: close(one.port) }));
  if (backends.some(({ port }) => port !== null))
    return { ...rule, mirrors, action: { ...action, backends } };
  const [first] = action.backends.flatMap(({ port }) => port ?? []);
  const asked = first === undefined ? '' : first.slice(0, first.lastIndexOf(':'));
  return { ...rule, mirrors, action: { kind: 'unavailable', asked } };
}
