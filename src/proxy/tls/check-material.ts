// What a bootstrap's own TLS material is worth, for who asks before a proxy runs (`--mode validate`): the running one
// waits for files that are not there yet, and serves the others meanwhile. Judged by the slots that a proxy has.

import { type Issue, silentLog } from '../../base/index.ts';
import type { Network, Store } from '../../net/index.ts';
import { type Bootstrap, tlsConfigsOfCluster } from '../config/index.ts';
import type { DownstreamTlsConfig, UpstreamTlsConfig } from '../config/tls-types.ts';
import { TlsRuntime } from './tls-runtime.ts';
import { waiting } from './tls-slot.ts';

export interface MaterialWorld {
  readonly network: Network;
  readonly store: Store;
  /** For messages. */
  readonly fileName: string;
}

/** Every file is read, every context made, once. Secrets that a control plane will bring are no fault. */
export async function checkTlsMaterial(
  bootstrap: Bootstrap,
  world: MaterialWorld,
): Promise<readonly Issue[]> {
  const runtime = new TlsRuntime({ ...world, log: silentLog });
  runtime.setSecrets(bootstrap.secrets);
  const slots = [...usesOf(bootstrap)].map(
    ([config, owner]) =>
      [owner, config.side === 'server' ? runtime.server(config) : runtime.client(config)] as const,
  );
  await runtime.files.whenRead();
  const faults = slots.flatMap(([owner, { issue }]) =>
    issue === '' || issue.endsWith(waiting) ? [] : [`${owner} can speak no TLS: ${issue}`],
  );
  runtime.stop();
  return [...new Set(faults)].map((rule) => ({ object: world.fileName, field: '', rule, value: '' }));
}

/** Each with whose it is. */
function usesOf(bootstrap: Bootstrap): ReadonlyMap<DownstreamTlsConfig | UpstreamTlsConfig, string> {
  const uses = new Map<DownstreamTlsConfig | UpstreamTlsConfig, string>();
  for (const { config, further } of bootstrap.listeners)
    for (const { tls } of [config, ...further.map((chain) => chain.config)])
      if (tls !== null) uses.set(tls, `listener ${config.name}`);
  for (const { config } of bootstrap.clusters)
    for (const tls of tlsConfigsOfCluster(config)) uses.set(tls, `cluster ${config.name}`);
  for (const [name, { tls }] of bootstrap.servers) if (tls !== null) uses.set(tls, `cluster ${name}`);
  return uses;
}
