// Where what a resource refers to is to come from.

import { namedSecretsOf, tlsConfigsOfCluster } from './cluster-transports.ts';
import type { Meaning } from './decode-resource.ts';
import type { ResourceSource } from './source-types.ts';
import type { TlsConfig } from './tls-types.ts';

export interface ReferredSource {
  readonly source: ResourceSource;
  /** Of the resource, for messages. */
  readonly field: string;
}

export function sourcesOf(meaning: Meaning): readonly ReferredSource[] {
  if (meaning.kind === 'cluster') {
    const { edsSource, config } = meaning.value;
    const endpoints =
      edsSource === null ? [] : [{ source: edsSource, field: 'eds_cluster_config.eds_config' }];
    return [...endpoints, ...tlsConfigsOfCluster(config).flatMap(secretSources)];
  }
  if (meaning.kind !== 'listener') return [];
  return [meaning.value, ...meaning.value.further].flatMap(({ rdsSource, config }) => [
    ...(rdsSource === null ? [] : [{ source: rdsSource, field: 'rds.config_source' }]),
    ...secretSources(config.tls),
  ]);
}

export function nameOf(meaning: Meaning): string {
  return meaning.kind === 'cluster' || meaning.kind === 'listener' ? meaning.value.config.name : '';
}

function secretSources(tls: TlsConfig | null): readonly ReferredSource[] {
  return namedSecretsOf(tls).flatMap(({ source }) =>
    source === null ? [] : [{ source, field: 'sds_config' }],
  );
}
