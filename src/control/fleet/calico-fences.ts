// The same fences for Calico, where its API is served: it knows accounts, so that callers whose pods no label tells
// apart are told apart at the network too. They stand before NetworkPolicies, whose order in Calico is 1000, and say
// nothing of ports that are not fenced. There the first rule that fits decides, so that each fence is two policies:
// what all fences of a pod let pass stands before what any of them refuses, as fences add up.
// https://docs.tigera.io/calico/latest/reference/resources/networkpolicy

import { fieldOf, isRecord, type KubeApi, type KubeObject, textOf } from '../kubernetes/types.ts';
import type { CallerModel, Model, ServiceModel } from '../model/types.ts';
import {
  adoptFencesAt,
  type FenceSource,
  type FleetFence,
  fenceMetadata,
  listFencesBy,
  type PodPort,
  podPortsOf,
} from './network-fences.ts';
import type { AdoptedObject } from './object-fleet.ts';
import type { FleetObject } from './object-writer.ts';

const root = '/apis/projectcalico.org/v3';
const plural = 'networkpolicies';
const order = { allow: 900, deny: 901 } as const;
/** Calico's own bounds: of ports in a rule, and of ranges that are left out of one. */
const portsMax = 50;
const notNetsMax = 256;

/** What is there; none where Calico's API is not: it is looked for once by each who begins to lead. */
export class CalicoFences {
  private readonly api: KubeApi;
  private served = false;

  constructor(api: KubeApi) {
    this.api = api;
  }

  /** Null: it is not known, and asked again. */
  async adopt(): Promise<readonly AdoptedObject<FleetFence>[] | null> {
    const answer = await this.api.request({ method: 'GET', path: root });
    if (!answer.ok || (answer.value.status !== 200 && answer.value.status !== 404)) return null;
    const kinds = fieldOf(answer.value.body, 'resources');
    this.served =
      answer.value.status === 200 &&
      Array.isArray(kinds) &&
      kinds.some((kind) => isRecord(kind) && textOf(kind, 'name') === plural);
    return this.served ? await adoptFencesAt(this.api, root) : [];
  }

  list(
    plane: { readonly settled: boolean; readonly built: { readonly model: Model } },
    source: FenceSource,
  ): readonly FleetFence[] | null {
    return this.served ? listFencesBy(plane, source, encodeCalicoFence) : [];
  }
}

/** `spec` has the pods, and the rules of both. */
export function renderCalicoFence(fence: FleetFence): readonly FleetObject[] {
  const { selector, allow, deny } = fence.spec;
  const policy = (name: string, order: number, ingress: unknown): FleetObject => {
    const metadata = { ...fenceMetadata(fence), name };
    const spec = { order, selector, types: ['Ingress'], ingress };
    return {
      root,
      plural,
      object: { apiVersion: 'projectcalico.org/v3', kind: 'NetworkPolicy', metadata, spec },
    };
  };
  return [
    policy(`weft-fence-${fence.name}`, order.allow, allow),
    policy(`weft-unfenced-${fence.name}`, order.deny, deny),
  ];
}

function encodeCalicoFence(service: ServiceModel): KubeObject {
  const fenced = podPortsOf(service).filter(({ access }) => access !== null && access.enforced !== null);
  const allowed = fenced.flatMap((port) =>
    (port.access?.enforced ?? []).flatMap(({ callers }) =>
      (callers ?? [null]).flatMap((caller) =>
        allow(caller).flatMap((source) => encodeRules('Allow', source, [port])),
      ),
    ),
  );
  const selector = Object.entries(service.selector).map(([label, value]) => `${label} == '${value}'`);
  return {
    selector: selector.join(' && '),
    allow: allowed,
    deny: encodeRules('Deny', {}, fenced),
  };
}

function encodeRules(
  action: 'Allow' | 'Deny',
  source: KubeObject,
  ports: readonly PodPort[],
): readonly KubeObject[] {
  return [...Map.groupBy(ports, ({ protocol }) => protocol)].flatMap(([protocol, own]) => {
    const unique = [...new Set(own.flatMap(({ at }) => at))];
    return Array.from({ length: Math.ceil(unique.length / portsMax) }, (_, at) => ({
      action,
      protocol,
      ...(Object.keys(source).length === 0 ? {} : { source }),
      destination: { ports: unique.slice(at * portsMax, (at + 1) * portsMax) },
    }));
  });
}

/** Sources of the rules that let a caller pass; null: anybody. */
function allow(caller: CallerModel | null): readonly KubeObject[] {
  if (caller === null) return [{}];
  switch (caller.kind) {
    case 'block': {
      const { cidr, except } = caller;
      // With more ranges left out than can be said nobody of it passes.
      if (except.length > notNetsMax) return [];
      return [{ nets: [cidr], ...(except.length === 0 ? {} : { notNets: except }) }];
    }
    case 'namespace':
      return [{ namespaceSelector: named(caller.name) }];
    case 'account':
      return [{ namespaceSelector: named(caller.namespace), serviceAccounts: { names: [caller.name] } }];
  }
}

function named(namespace: string): string {
  return `kubernetes.io/metadata.name == '${namespace}'`;
}
