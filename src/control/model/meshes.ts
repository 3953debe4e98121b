// XMesh objects that name this mesh's controller: accepted, unless they ask for parameters, of which there are none.

import { meshController } from '../schema/gateway.ts';
import type { ResourceIndex } from './index-resources.ts';
import { type ConditionBook, itself } from './status.ts';

export function judgeMeshes(index: ResourceIndex, book: ConditionBook): void {
  for (const { key, spec } of index.all('XMesh')) {
    if (spec.controllerName !== meshController) continue;
    const { parametersRef: ref } = spec;
    if (ref === undefined) book.accept(key, itself);
    else {
      const message = `parametersRef: there are no parameters of kind ${ref.kind}`;
      book.refuse(key, itself, 'InvalidParameters', message);
    }
  }
}
