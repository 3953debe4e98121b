// TLSRoutes and TCPRoutes to listeners of Gateways; UDPRoutes to the condition that says no.

import type { ParentRef } from '../schema/parent-ref.ts';
import type { TcpRouteObject, TlsRouteObject, UdpRouteObject } from '../schema/resources.ts';
import { type BackendDirectory, type BackendFault, resolveBackend } from './backends.ts';
import { type Attachment, type GatewayBuilder, isGatewayParent } from './gateways.ts';
import type { ConditionBook, Subject } from './status.ts';
import type { StreamChain } from './types.ts';

export interface StreamRouteInputs {
  /** The oldest first. */
  readonly routes: readonly (TlsRouteObject | TcpRouteObject)[];
  readonly udp: readonly UdpRouteObject[];
  readonly directory: BackendDirectory;
  readonly book: ConditionBook;
}

export function attachStreamRoutes(
  { routes, udp, directory, book }: StreamRouteInputs,
  gateways: GatewayBuilder,
): void {
  for (const route of routes) {
    const faults: BackendFault[] = [];
    const backends = resolveBackends(route, directory, faults);
    for (const parent of route.spec.parentRefs) {
      const { attachment, leftOut } = isGatewayParent(parent)
        ? gateways.attachStream(route, parent, backends)
        : { attachment: notAGateway(parent), leftOut: [] };
      tell(book, route, parent, attachment, faults);
      if (leftOut.length > 0) tellLeftOut(book, route, parent, leftOut);
    }
  }
  for (const route of udp)
    for (const parent of route.spec.parentRefs)
      tell(
        book,
        route,
        parent,
        isGatewayParent(parent) ? gateways.refuse(route, parent) : notAGateway(parent),
        [],
      );
}

function notAGateway({ group, kind }: ParentRef): Attachment {
  return { reason: 'InvalidKind', message: `${group}/${kind} is not a parent that carries bytes for others` };
}

function resolveBackends(
  route: TlsRouteObject | TcpRouteObject,
  directory: BackendDirectory,
  faults: BackendFault[],
): StreamChain['backends'] {
  const from = { kind: route.kind, namespace: route.metadata.namespace };
  return route.spec.rules.flatMap(({ backendRefs }) =>
    backendRefs.flatMap((ref) => {
      const { port, fault, sticky } = resolveBackend(from, ref, directory);
      if (fault !== null) faults.push(fault);
      return ref.weight === 0 ? [] : [{ port, sticky, weight: ref.weight }];
    }),
  );
}

function tellLeftOut(
  book: ConditionBook,
  route: TlsRouteObject | TcpRouteObject,
  parent: ParentRef,
  leftOut: readonly string[],
): void {
  book.add(route.key, {
    type: 'PartiallyInvalid',
    status: 'True',
    reason: 'UnsupportedValue',
    message: leftOut.join('; '),
    subject: subjectOf(route, parent),
  });
}

function subjectOf(route: TlsRouteObject | TcpRouteObject | UdpRouteObject, parent: ParentRef): Subject {
  return { of: 'parent', ref: { ...parent, namespace: parent.namespace ?? route.metadata.namespace } };
}

function tell(
  book: ConditionBook,
  route: TlsRouteObject | TcpRouteObject | UdpRouteObject,
  parent: ParentRef,
  attachment: Attachment,
  faults: readonly BackendFault[],
): void {
  if (attachment === 'foreign') return;
  const subject = subjectOf(route, parent);
  if (attachment === null) book.accept(route.key, subject);
  else book.refuse(route.key, subject, attachment.reason, attachment.message);
  const [fault] = faults;
  book.add(route.key, {
    type: 'ResolvedRefs',
    status: fault === undefined ? 'True' : 'False',
    reason: fault?.reason ?? 'ResolvedRefs',
    message: [...new Set(faults.map(({ message }) => message))].join('; '),
    subject,
  });
}
