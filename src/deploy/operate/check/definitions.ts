// Our definitions of custom resources as they are in the cluster: of another version they would take what the control
// plane refuses, or refuse what it takes.

import { customResourceDefinitions, fieldOf, type KubeObject, textOf } from '../../../control/index.ts';
import { listOf } from '../mesh-pods.ts';
import { definitionsPath } from './gateway-api.ts';
import { type CheckLine, type ClusterCheck, fault, fine, overList, warning } from './types.ts';

export const definitionsCheck: ClusterCheck = {
  name: 'definitions',
  run: (reader) =>
    overList(reader, definitionsPath, (found) =>
      (customResourceDefinitions() as readonly KubeObject[]).map((own) =>
        judge(
          own,
          found.find((one) => textOf(one, 'metadata', 'name') === textOf(own, 'metadata', 'name')),
        ),
      ),
    ),
};

function judge(own: KubeObject, there: KubeObject | undefined): CheckLine {
  const name = textOf(own, 'metadata', 'name');
  if (there === undefined) return fault(`${name} is not there: its objects cannot be made`);
  const established = listOf(there, 'status', 'conditions').some(
    (condition) => textOf(condition, 'type') === 'Established' && textOf(condition, 'status') === 'True',
  );
  if (!established) return fault(`${name} is not established`);
  const versions = (definition: KubeObject) =>
    listOf(definition, 'spec', 'versions').map((version) => ({
      name: version['name'],
      schema: fieldOf(version, 'schema', 'openAPIV3Schema'),
    }));
  return Bun.deepEquals(versions(own), versions(there))
    ? fine(`${name} is as this version has it`)
    : warning(`${name} is of another version: apply what weft install prints`);
}
