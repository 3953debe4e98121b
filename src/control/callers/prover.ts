// Who calls the control plane: by a Kubernetes token (`authorization: Bearer`), or by a client certificate whose URI is
// `spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT`. Nobody else is let in.

import { fail, ok, type Result } from '../../base/index.ts';
import type {
  CallerFault,
  CallerProof,
  CallerRefusal,
  ShownCredentials,
  XdsCaller,
  XdsNode,
} from '../../xds/index.ts';
import type { Catalog } from '../model/catalog.ts';
import type { PodResource } from '../schema/resources.ts';
import { objectKey } from '../source/types.ts';
import { agentAccount, describe, introduceNode, type MeshFacts, type ProvenHolder } from './introduce.ts';
import type { Reviewed, TokenReviews } from './token-reviews.ts';

/** How often callers were let in, and refused, since the start. */
export type CallerCounts = Record<'proven' | CallerFault, number>;

export function createCallerCounts(): CallerCounts {
  return { proven: 0, unauthenticated: 0, 'permission-denied': 0, unavailable: 0 };
}

export interface CallerProverOptions {
  /** Null: tokens prove nothing here. */
  readonly reviews: TokenReviews | null;
  /** The objects in force, among them the Pods. */
  readonly catalog: Catalog;
  /** Of the control plane. */
  readonly namespace: string;
  /** The domain of SPIFFE names that are taken; those of others say nothing here. */
  readonly trustDomain: string;
  readonly counts: CallerCounts;
}

export class CallerProver implements CallerProof, MeshFacts {
  readonly namespace: string;
  private readonly options: CallerProverOptions;

  constructor(options: CallerProverOptions) {
    this.options = options;
    this.namespace = options.namespace;
  }

  prove(
    shown: ShownCredentials,
  ): Result<XdsCaller, CallerRefusal> | Promise<Result<XdsCaller, CallerRefusal>> {
    const { authorization, certificate, peer } = shown;
    // What is said beats what is merely shown: a token names the Pod.
    if (authorization !== null) {
      const token = /^bearer +(\S+)$/i.exec(authorization)?.[1];
      if (token === undefined)
        return this.refuse('unauthenticated', 'authorization must be Bearer and a token');
      if (this.options.reviews === null) return this.refuse('unauthenticated', 'tokens are not taken here');
      const reviewed = this.options.reviews.review(token, peer);
      return reviewed instanceof Promise ? reviewed.then((one) => this.settle(one)) : this.settle(reviewed);
    }
    if (certificate === null)
      return this.refuse('unauthenticated', 'neither a token nor a certificate was shown');
    for (const { kind, value } of certificate.sans) {
      const [, domain, namespace, account] =
        /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(value) ?? [];
      if (kind !== 'uri' || domain !== this.options.trustDomain) continue;
      if (namespace !== undefined && account !== undefined)
        return this.settle(ok({ namespace, account, pod: null, node: '' }));
    }
    return this.refuse(
      'unauthenticated',
      `the certificate has no URI spiffe://${this.options.trustDomain}/ns/NAMESPACE/sa/ACCOUNT`,
    );
  }

  findPod(namespace: string, name: string): PodResource | null {
    const good = this.options.catalog.get(objectKey(namespace, 'Pod', name))?.good;
    return good?.kind === 'Pod' ? good : null;
  }

  findPodOn(node: string, namespace: string, account: string): PodResource | null {
    for (const { good } of this.options.catalog.entries()) {
      if (good?.kind !== 'Pod' || good.metadata.namespace !== namespace || good.spec.ended) continue;
      if (good.spec.nodeName === node && good.spec.serviceAccount === account) return good;
    }
    return null;
  }

  /** A caller who is somebody; which node it is comes with its first request. */
  private settle(proven: Reviewed | Result<ProvenHolder, CallerRefusal>): Result<XdsCaller, CallerRefusal> {
    if (!proven.ok) return this.refuse(proven.error.fault, proven.error.reason);
    this.options.counts.proven++;
    return ok(new Caller(proven.value, this, this.options.counts));
  }

  private refuse(fault: CallerFault, reason: string): Result<never, CallerRefusal> {
    this.options.counts[fault]++;
    return fail({ fault, reason });
  }
}

class Caller implements XdsCaller {
  readonly name: string;
  private readonly holder: ProvenHolder;
  private readonly mesh: MeshFacts;
  private readonly counts: CallerCounts;

  constructor(holder: ProvenHolder, mesh: MeshFacts, counts: CallerCounts) {
    this.holder = holder;
    this.mesh = mesh;
    this.counts = counts;
    this.name = describe(holder);
  }

  /** The key of the Pod that the node's id, once introduced, is known to be; of an agent by certificate its node. */
  subjectOf({ id }: XdsNode): string {
    const { namespace, account, pod } = this.holder;
    if (pod !== null) return objectKey(namespace, 'Pod', pod.name);
    if (account === agentAccount && id.startsWith('agent~'))
      return subjectOfPod(this.mesh.findPodOn(id.slice('agent~'.length), namespace, account));
    const who = id.slice(id.indexOf('~') + 1);
    return objectKey(namespace, 'Pod', who.slice(0, who.lastIndexOf('.')));
  }

  introduce(node: XdsNode): Result<XdsNode, CallerRefusal> {
    const introduced = introduceNode(node, this.holder, this.mesh);
    if (!introduced.ok) this.counts[introduced.error.fault]++;
    return introduced;
  }
}

function subjectOfPod(pod: PodResource | null): string {
  return pod?.key ?? '';
}
