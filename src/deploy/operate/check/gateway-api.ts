// The definitions of Gateway API: what is not installed, or serves other versions than the mesh reads, is not read.

import { type KubeObject, listWatchedKinds, textOf } from '../../../control/index.ts';
import { listOf } from '../mesh-pods.ts';
import { type CheckLine, type ClusterCheck, fine, listNames, overList, warning } from './types.ts';

export const definitionsPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

export const gatewayApiCheck: ClusterCheck = {
  name: 'gateway-api',
  run: (reader) => overList(reader, definitionsPath, judgeDefinitions),
};

function judgeDefinitions(definitions: readonly KubeObject[]): readonly CheckLine[] {
  const byName = new Map(definitions.map((one) => [textOf(one, 'metadata', 'name'), one]));
  const kinds = listWatchedKinds().filter(({ group }) => group.startsWith('gateway.networking.'));
  const absent = kinds.filter(({ plural, group }) => !byName.has(`${plural}.${group}`));
  const served = kinds.flatMap((kind) => {
    const definition = byName.get(`${kind.plural}.${kind.group}`);
    return definition === undefined ? [] : [{ kind, definition }];
  });
  const others = served.filter(
    ({ kind, definition }) => !versionsOf(definition).some((version) => kind.versions.includes(version)),
  );
  const bundles = [
    ...new Set(
      served.map(({ definition }) =>
        `${noteOf(definition, 'bundle-version')} ${noteOf(definition, 'channel')}`.trim(),
      ),
    ),
  ].filter((text) => text !== '');
  if (served.length === 0)
    return [warning('not installed: Services are meshed, and there are neither Gateways nor routes')];
  return [
    bundles.length > 1
      ? warning(`its kinds are of several bundles: ${bundles.join(', ')}`)
      : fine(`${served.length} kinds of ${bundles[0] ?? 'a bundle that does not say its version'}`),
    ...(absent.length > 0
      ? [fine(`not installed, and not read: ${listNames(absent.map(({ kind }) => kind))}`)]
      : []),
    ...others.map(({ kind, definition }) =>
      warning(
        `${kind.kind} is served as ${versionsOf(definition).join(', ')}, and read as ${kind.versions.join(', ')}: it is not read`,
      ),
    ),
  ];
}

function noteOf(definition: KubeObject, name: string): string {
  return textOf(definition, 'metadata', 'annotations', `gateway.networking.k8s.io/${name}`);
}

function versionsOf(definition: KubeObject): readonly string[] {
  return listOf(definition, 'spec', 'versions')
    .filter((version) => version['served'] === true)
    .map((version) => textOf(version, 'name'));
}
