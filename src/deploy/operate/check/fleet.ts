// Every proxy has what it is sent, and is of the control plane's version.

import { type FleetProxy, viewFleet } from '../fleet-view.ts';
import { listMeshPods } from '../mesh-pods.ts';
import {
  type CheckLine,
  type ClusterCheck,
  fault,
  fine,
  listNames,
  overList,
  unknown,
  warning,
} from './types.ts';

export const fleetCheck: ClusterCheck = {
  name: 'proxies',
  run: (reader, { revision, version }) =>
    overList(reader, '/api/v1/pods', async (pods) => {
      const proxies = viewFleet(
        listMeshPods(pods).filter(({ leaving }) => !leaving),
        await reader.replicas(),
      );
      return [
        ...judgeStates(proxies),
        ...judgeVersions(
          proxies.filter((one) => one.revision === revision),
          version,
        ),
      ];
    }),
};

function judgeStates(proxies: readonly FleetProxy[]): readonly CheckLine[] {
  const of = (state: FleetProxy['state']) => proxies.filter((one) => one.state === state);
  const named = (chosen: readonly FleetProxy[]) => listNames(chosen.map(({ proxy }) => proxy));
  const lines: CheckLine[] = [];
  for (const { proxy, details } of of('refused')) lines.push(fault(`${proxy} ${details.join('; ')}`));
  if (of('disconnected').length > 0)
    lines.push(fault(`connected to no replica of the control plane: ${named(of('disconnected'))}`));
  if (of('unknown').length > 0) lines.push(unknown(`what they have is not known: ${named(of('unknown'))}`));
  if (of('stale').length > 0) lines.push(warning(`something sent has no answer yet: ${named(of('stale'))}`));
  if (of('starting').length > 0) lines.push(warning(`their pods do not run yet: ${named(of('starting'))}`));
  return [...lines, fine(`${of('synced').length} of ${proxies.length} have all that they are sent`)];
}

function judgeVersions(proxies: readonly FleetProxy[], version: string): readonly CheckLine[] {
  // Of another program (Envoy) the version is its own.
  const others = proxies.filter(
    (one) => one.control !== '' && /^\d/.test(one.version) && one.version !== version,
  );
  const versions = [...new Set(others.map((one) => one.version))].sort();
  return versions.map((other) => {
    const named = listNames(others.filter((one) => one.version === other).map(({ proxy }) => proxy));
    return warning(`of version ${other}, where this is ${version}: ${named}; restart them`);
  });
}
