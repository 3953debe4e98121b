// BackendTLSPolicies: which port of which Service is spoken to in TLS, and whom a proxy takes for its pods. Of two on
// one target the older holds; one for a port by name wins over one for the whole Service. Where its authorities cannot
// be had, or it cannot be read, nothing is sent: a backend that wants TLS must not be spoken to without, nor believed
// unseen.

import type { BackendValidation } from '../schema/backend-tls-policy.ts';
import type { BackendTlsPolicyObject, ServiceObject } from '../schema/resources.ts';
import type { CertificateStore } from './certificates.ts';
import { isRefusal } from './certificates.ts';
import type { Referrer } from './grants.ts';
import { nameOf, type ResourceIndex } from './index-resources.ts';
import { type ConditionBook, itself, type ObjectRef, type Refusal, type Subject } from './status.ts';
import type { BackendTlsModel, GatewayModel } from './types.ts';
import { hostsOf, portsOf } from './types.ts';

type Verdict =
  | { readonly kind: 'sound'; readonly model: BackendTlsModel }
  | { readonly kind: 'broken'; readonly refusal: Refusal };

interface Claim {
  readonly policy: BackendTlsPolicyObject;
  readonly verdict: Verdict;
}

export class BackendTls {
  /** By `namespace/service#section`. */
  private readonly claims = new Map<string, Claim>();
  private readonly judged: {
    readonly policy: BackendTlsPolicyObject;
    readonly verdict: Verdict;
    readonly conflict: string;
    readonly services: readonly string[];
  }[] = [];

  constructor(
    index: ResourceIndex,
    services: ReadonlyMap<string, ServiceObject>,
    store: CertificateStore,
    book: ConditionBook,
  ) {
    for (const policy of index.byAge('BackendTLSPolicy')) {
      const verdict = judge(policy, store);
      const targeted: string[] = [];
      let conflict = '';
      for (const target of policy.spec.targetRefs) {
        const id = `${policy.metadata.namespace}/${target.name}`;
        if (target.group !== '' || target.kind !== 'Service' || !services.has(id)) {
          const message =
            target.kind === 'XBackend'
              ? 'an XBackend says itself how it is spoken to in TLS'
              : `there is no Service ${id}, and nothing else can be a target`;
          book.refuse(policy.key, itself, 'TargetNotFound', message);
          continue;
        }
        const section = target.sectionName ?? '';
        if (section !== '' && !services.get(id)?.spec.ports.some(({ name }) => name === section)) {
          book.refuse(policy.key, itself, 'TargetNotFound', `Service ${id} has no port named ${section}`);
          continue;
        }
        targeted.push(id);
        const slot = `${id}#${section}`;
        const older = this.claims.get(slot);
        if (older === undefined) this.claims.set(slot, { policy, verdict });
        else conflict = nameOf(older.policy);
      }
      this.judged.push({ policy, verdict, conflict, services: targeted });
    }
  }

  /** null: no policy; `broken`: nothing may be sent there. */
  forPort(service: string, portName: string): BackendTlsModel | 'broken' | null {
    const claim = this.claims.get(`${service}#${portName}`) ?? this.claims.get(`${service}#`);
    if (claim === undefined) return null;
    return claim.verdict.kind === 'sound' ? claim.verdict.model : 'broken';
  }

  ownersOf(service: string, portName: string): readonly string[] {
    const claim = this.claims.get(`${service}#${portName}`) ?? this.claims.get(`${service}#`);
    return claim === undefined ? [] : [claim.policy.key];
  }

  /** What became of each, for every Gateway that sends to its Services. */
  tell(gateways: ReadonlyMap<string, GatewayModel>, book: ConditionBook): void {
    const users = [...gateways.values()].map((gateway) => ({ gateway, services: servicesOf(gateway) }));
    for (const { policy, verdict, conflict, services } of this.judged) {
      // It has no target: that was told.
      if (services.length === 0) continue;
      const using = users.filter((one) => services.some((service) => one.services.has(service)));
      const about = using.map(({ gateway }): Subject => ({ of: 'ancestor', ref: refOf(gateway) }));
      for (const subject of about.length > 0 ? about : [itself])
        tellOne(policy, verdict, conflict, subject, book);
    }
  }
}

function tellOne(
  { key, salvaged }: BackendTlsPolicyObject,
  verdict: Verdict,
  conflict: string,
  subject: Subject,
  book: ConditionBook,
): void {
  if (conflict !== '') book.refuse(key, subject, 'Conflicted', `${conflict} is older and in force`);
  else if (salvaged === true) book.refuse(key, subject, 'Invalid', unreadable.message);
  else if (verdict.kind === 'broken')
    book.refuse(key, subject, 'NoValidCACertificate', verdict.refusal.message);
  else book.accept(key, subject);
  // Of what cannot be read nobody knows whom it refers to.
  if (salvaged === true) return;
  const broken = verdict.kind === 'broken' ? verdict.refusal : null;
  book.add(key, {
    type: 'ResolvedRefs',
    status: broken === null ? 'True' : 'False',
    reason: broken?.reason ?? 'ResolvedRefs',
    message: broken?.message ?? '',
    subject,
  });
}

function refOf({ namespace, name }: GatewayModel): ObjectRef {
  return { group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace, name };
}

const unreadable: Refusal = {
  reason: 'Invalid',
  message: 'cannot be read as it is written: nothing is sent',
};

function judge({ metadata, spec, salvaged }: BackendTlsPolicyObject, store: CertificateStore): Verdict {
  if (salvaged === true) return { kind: 'broken', refusal: unreadable };
  const { namespace } = metadata;
  const from = { group: 'gateway.networking.k8s.io', kind: 'BackendTLSPolicy', namespace };
  const found = resolveValidation(from, spec.validation, store);
  return isRefusal(found) ? { kind: 'broken', refusal: found } : { kind: 'sound', model: found };
}

/** Whom a proxy takes for what it calls, with authorities found, or why they cannot be had. */
export function resolveValidation(
  from: Referrer,
  { caCertificateRefs, wellKnownCACertificates = '', hostname, subjectAltNames }: BackendValidation,
  store: CertificateStore,
): BackendTlsModel | Refusal {
  if (wellKnownCACertificates !== '' && wellKnownCACertificates !== 'System')
    return {
      reason: 'InvalidCACertificateRef',
      message: `${wellKnownCACertificates} is not known here, System is`,
    };
  const reasons = { kind: 'InvalidKind', content: 'InvalidCACertificateRef' };
  const found = caCertificateRefs.map((ref) => store.authority(from, ref, reasons));
  const sound = found.flatMap((one) => (isRefusal(one) ? [] : [one.pem.trim()]));
  const [fault] = found.filter(isRefusal);
  if (sound.length === 0 && fault !== undefined) return fault;
  const names = subjectAltNames.map(({ type, hostname, uri }) => ({ type, value: hostname || uri || '' }));
  const all = names.length > 0 ? names : [{ type: 'Hostname' as const, value: hostname }];
  return { serverName: hostname, names: all, authorities: sound.join('\n') };
}

/** `namespace/name` of Services that a Gateway's routes send to, or would if they could. */
function servicesOf(gateway: GatewayModel): ReadonlySet<string> {
  const services = [...portsOf(gateway)].map((port) => port.slice(0, port.lastIndexOf(':')));
  for (const socket of gateway.sockets)
    for (const { rules } of hostsOf(socket))
      for (const { action } of rules) if (action.kind === 'unavailable') services.push(action.asked);
  return new Set(services);
}
