// An Envoy bootstrap file to what the proxy starts from: who it is, where its admin interface listens, static
// resources, and the ADS server if there is one. All faults are reported at once, each by its field's path; nothing is
// ignored.

import { fail, ok, type Result } from '../../base/index.ts';
import type { Address } from '../../net/index.ts';
import type { AdsVariant, XdsNode } from '../../xds/index.ts';
import { namedSecretsOf, tlsConfigsOfCluster } from './cluster-transports.ts';
import type { OverloadConfig } from './overload-types.ts';
import { parseText } from './parse-text.ts';
import { checkRouteClusters } from './route-clusters.ts';
import { bootstrap, decodeJson, Faults, type MessageOf, redactKeys } from './schema/index.ts';
import type { SecretConfig, TlsConfig } from './tls-types.ts';
import {
  connectionsOfAllKey,
  connectionsOfListenerKey,
  formatLocality,
  type RuntimeKeys,
  readLimit,
  readRuntime,
  type TranslatedCluster,
  type TranslatedListener,
  translateAddress,
  translateCluster,
  translateListener,
  translateOverload,
  translateSecret,
} from './translate/index.ts';

export interface AdsConfig {
  readonly variant: AdsVariant;
  readonly clusterName: string;
  /** Where the server is: addresses or names, taken in turn. */
  readonly servers: readonly Address[];
  readonly connectTimeoutMs: number;
  /** Which wildcard types are asked for. */
  readonly listeners: boolean;
  readonly clusters: boolean;
  readonly initialFetchTimeoutMs: number;
}

export interface Bootstrap {
  readonly node: XdsNode;
  /** Null: the default of the command. */
  readonly admin: Address | null;
  readonly listeners: readonly TranslatedListener[];
  /** Without the ADS server's own. */
  readonly clusters: readonly TranslatedCluster[];
  readonly secrets: ReadonlyMap<string, SecretConfig>;
  readonly ads: AdsConfig | null;
  readonly overload: OverloadConfig;
  /** The cluster of the workload beside the proxy, and where the proxy is; null: not said. */
  readonly local: { readonly cluster: string; readonly locality: string } | null;
  /** The file as it was read but for its private keys, for display. */
  readonly document: unknown;
}

export interface BootstrapOptions {
  /** For messages. */
  readonly fileName: string;
  /** Weft's version, sent to the control plane. */
  readonly version: string;
  /** Instead of what the document says of the node. */
  readonly node?: { readonly id?: string; readonly cluster?: string };
}

type BootstrapMessage = MessageOf<typeof bootstrap>;

/** Parses YAML or JSON. */
export function parseBootstrap(text: string, options: BootstrapOptions): Result<Bootstrap> {
  const faults = new Faults(options.fileName);
  const document = parseDocument(text, faults);
  if (!faults.none) return fail(faults.issues);
  const message = decodeJson(bootstrap, document, '', faults);
  const model = translateBootstrap(message, document, options, faults);
  return faults.none ? ok(model) : fail(faults.issues);
}

function parseDocument(text: string, faults: Faults): unknown {
  try {
    const document = parseText(text);
    if (document === null || document === undefined) faults.add('', 'is empty');
    else if (Array.isArray(document)) faults.add('', 'must be one document, and an object');
    return document;
  } catch (error) {
    faults.add('', `is neither YAML nor JSON: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

function translateBootstrap(
  message: BootstrapMessage,
  document: unknown,
  options: BootstrapOptions,
  faults: Faults,
): Bootstrap {
  const adsName = message.dynamic_resources?.ads_config?.grpc_services[0]?.envoy_grpc?.cluster_name ?? null;
  const path = 'static_resources';
  const clusters = (message.static_resources?.clusters ?? []).map((cluster, index) =>
    translateCluster(cluster, `${path}.clusters[${index}]`, faults),
  );
  const runtime = readRuntime(message.layered_runtime);
  const listeners = (message.static_resources?.listeners ?? [])
    .map((listener, index) => translateListener(listener, `${path}.listeners[${index}]`, faults))
    .filter((listener) => listener !== null)
    .map((listener) => limitConnections(listener, runtime, faults));
  checkUnique(
    clusters.map(({ config }) => config.name),
    `${path}.clusters`,
    faults,
  );
  checkUnique(
    listeners.map(({ config }) => config.name),
    `${path}.listeners`,
    faults,
  );
  const secrets = translateSecrets(message, faults);
  const ads = translateAds(message, adsName, clusters, faults);
  const chains = listeners.flatMap((listener) => [listener, ...listener.further]);
  checkSources(ads, clusters, chains, faults);
  checkSecrets(ads, clusters, chains, secrets, faults);
  if (ads === null) checkRouteClusters(message, faults);
  return {
    node: translateNode(message, ads !== null, options, faults),
    admin:
      message.admin?.address === undefined
        ? null
        : translateAddress(message.admin.address, false, 'admin.address', faults),
    listeners,
    secrets,
    clusters: clusters.filter(({ config }) => config.name !== adsName),
    ads,
    overload: limitAll(
      translateOverload(message.overload_manager, 'overload_manager', faults),
      runtime,
      faults,
    ),
    local: translateLocal(message, clusters, faults),
    document: redactKeys(document),
  };
}

function limitConnections(
  listener: TranslatedListener,
  runtime: RuntimeKeys,
  faults: Faults,
): TranslatedListener {
  const { config } = listener;
  const max = readLimit(runtime, connectionsOfListenerKey(config.name), faults);
  if (max === null) return listener;
  return { ...listener, config: { ...config, terms: { ...config.terms, connectionsMax: max } } };
}

/** The monitor of connections, where there is one, has the last word, as in Envoy. */
function limitAll(overload: OverloadConfig, runtime: RuntimeKeys, faults: Faults): OverloadConfig {
  const max = readLimit(runtime, connectionsOfAllKey, faults);
  return { ...overload, connectionsMax: overload.connectionsMax ?? max };
}

function translateLocal(
  message: BootstrapMessage,
  clusters: readonly TranslatedCluster[],
  faults: Faults,
): Bootstrap['local'] {
  const cluster = message.cluster_manager?.local_cluster_name;
  if (cluster === undefined || cluster === '') return null;
  if (!clusters.some(({ config }) => config.name === cluster))
    faults.add('cluster_manager.local_cluster_name', 'must name a static cluster', cluster);
  return { cluster, locality: formatLocality(message.node?.locality) };
}

function translateSecrets(message: BootstrapMessage, faults: Faults): ReadonlyMap<string, SecretConfig> {
  const path = 'static_resources.secrets';
  const secrets = new Map<string, SecretConfig>();
  for (const [index, secret] of (message.static_resources?.secrets ?? []).entries()) {
    const name = secret.name ?? '';
    if (name === '') faults.add(`${path}[${index}].name`, 'must be set');
    if (secrets.has(name)) faults.add(`${path}[${index}].name`, 'must be unique', name);
    const value = translateSecret(secret, `${path}[${index}]`, faults);
    if (value !== null) secrets.set(name, value);
  }
  return secrets;
}

/** A secret that nobody will ever bring would leave a listener or cluster waiting for nothing. */
function checkSecrets(
  ads: AdsConfig | null,
  clusters: readonly TranslatedCluster[],
  listeners: readonly TranslatedListener[],
  secrets: ReadonlyMap<string, SecretConfig>,
  faults: Faults,
): void {
  const check = (at: string, tls: readonly (TlsConfig | null)[]) => {
    for (const { name, overAds } of tls.flatMap(namedSecretsOf)) {
      if (secrets.has(name)) continue;
      const path = `static_resources.${at}`;
      if (!overAds) faults.add(path, 'names a secret that static_resources.secrets does not hold', name);
      else if (ads === null) faults.add(path, 'names a secret over ADS, and there is no ads_config', name);
    }
  };
  for (const [index, { config }] of listeners.entries()) check(`listeners[${index}]`, [config.tls]);
  for (const [index, { config }] of clusters.entries())
    check(`clusters[${index}]`, tlsConfigsOfCluster(config));
}

function checkUnique(names: readonly string[], path: string, faults: Faults): void {
  names.forEach((name, index) => {
    if (names.indexOf(name) < index) faults.add(`${path}[${index}].name`, 'must be unique', name);
  });
}

function translateNode(
  message: BootstrapMessage,
  required: boolean,
  options: BootstrapOptions,
  faults: Faults,
): XdsNode {
  const node = { ...message.node, ...options.node };
  if (required && !node.id) faults.add('node.id', 'must be set with an ADS server');
  return {
    id: node.id ?? '',
    cluster: node.cluster ?? '',
    metadata: { ...node.metadata, weft: options.version },
    locality: {
      region: node.locality?.region ?? '',
      zone: node.locality?.zone ?? '',
      subZone: node.locality?.sub_zone ?? '',
    },
    userAgent: `weft/${options.version}`,
    clientFeatures: node.client_features ?? [],
  };
}

function translateAds(
  message: BootstrapMessage,
  clusterName: string | null,
  clusters: readonly TranslatedCluster[],
  faults: Faults,
): AdsConfig | null {
  const dynamic = message.dynamic_resources;
  if (dynamic === undefined) return null;
  const path = 'dynamic_resources';
  for (const name of ['lds_config', 'cds_config'] as const) {
    if (dynamic[name] !== undefined && dynamic[name].ads === undefined) {
      faults.add(`${path}.${name}.ads`, 'must be set: resources come by ADS');
    }
  }
  const config = dynamic.ads_config;
  if (config === undefined) {
    faults.add(`${path}.ads_config`, 'must be set');
    return null;
  }
  if (config.api_type === undefined) faults.add(`${path}.ads_config.api_type`, 'must be GRPC or DELTA_GRPC');
  if (config.transport_api_version !== 'V3') {
    faults.add(
      `${path}.ads_config.transport_api_version`,
      'must be V3',
      config.transport_api_version ?? 'AUTO',
    );
  }
  if (config.grpc_services.length !== 1 || clusterName === null) {
    faults.add(`${path}.ads_config.grpc_services`, 'must be exactly one, with envoy_grpc.cluster_name');
    return null;
  }
  const cluster = clusters.find((candidate) => candidate.config.name === clusterName);
  return {
    variant: config.api_type === 'DELTA_GRPC' ? 'delta' : 'sotw',
    clusterName,
    servers: findServers(cluster, clusterName, faults),
    connectTimeoutMs: cluster?.config.connectTimeoutMs ?? 0,
    listeners: dynamic.lds_config !== undefined,
    clusters: dynamic.cds_config !== undefined,
    initialFetchTimeoutMs:
      dynamic.lds_config?.initial_fetch_timeout ?? dynamic.cds_config?.initial_fetch_timeout ?? 15_000,
  };
}

function findServers(
  cluster: TranslatedCluster | undefined,
  clusterName: string,
  faults: Faults,
): readonly Address[] {
  const path = 'dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name';
  if (cluster === undefined) {
    faults.add(path, 'must name a static cluster', clusterName);
    return [];
  }
  if (cluster.config.http2 === null)
    faults.add(path, 'must name a cluster with http2_protocol_options: gRPC needs HTTP/2', clusterName);
  const servers = (cluster.endpoints?.endpoints ?? []).map((endpoint) => endpoint.address);
  if (servers.length === 0) faults.add(path, 'must name a cluster with endpoints of its own', clusterName);
  return servers;
}

/** What comes by ADS needs an ADS server. */
function checkSources(
  ads: AdsConfig | null,
  clusters: readonly TranslatedCluster[],
  listeners: readonly TranslatedListener[],
  faults: Faults,
): void {
  if (ads !== null) return;
  for (const { config } of clusters) {
    if (config.discovery === 'eds')
      faults.add('dynamic_resources.ads_config', `must be set: cluster ${config.name} is of type EDS`);
  }
  for (const { config, rdsName } of listeners) {
    if (rdsName !== null)
      faults.add('dynamic_resources.ads_config', `must be set: listener ${config.name} uses RDS`);
  }
}
