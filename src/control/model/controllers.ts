// GatewayClass and XMesh objects that name this mesh's controllers: accepted, unless they ask for parameters, of which
// there are none.

import { gatewayClassName, gatewayController, meshController } from '../schema/gateway.ts';
import type { GatewayClassObject, MeshObject } from '../schema/resources.ts';
import type { ResourceIndex } from './index-resources.ts';
import { type ConditionBook, itself, type Refusal } from './status.ts';

export function judgeMeshes(index: ResourceIndex, book: ConditionBook): void {
  for (const mesh of index.all('XMesh')) if (mesh.spec.controllerName === meshController) judge(mesh, book);
}

/** Classes of Gateways that are ours by name, and why those of one cannot be served; null: they can. */
export function judgeClasses(index: ResourceIndex, book: ConditionBook): ReadonlyMap<string, Refusal | null> {
  const classes = new Map<string, Refusal | null>([[gatewayClassName, null]]);
  for (const one of index.all('GatewayClass')) {
    if (one.spec.controllerName !== gatewayController) continue;
    const { name } = one.metadata;
    const refusal = judge(one, book);
    const message = `GatewayClass ${name} is not accepted: ${refusal?.message}`;
    classes.set(name, refusal && { ...refusal, message });
  }
  return classes;
}

function judge({ key, spec }: GatewayClassObject | MeshObject, book: ConditionBook): Refusal | null {
  const { parametersRef: ref } = spec;
  if (ref === undefined) {
    book.accept(key, itself);
    return null;
  }
  const message = `parametersRef: there are no parameters of kind ${ref.kind}`;
  book.refuse(key, itself, 'InvalidParameters', message);
  return { reason: 'InvalidParameters', message };
}
