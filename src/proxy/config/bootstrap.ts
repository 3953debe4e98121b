// An Envoy bootstrap file to what the proxy starts from: who it is, where its admin interface listens, static
// resources, and where the others come from. All faults are reported at once, each by its field's path; nothing is
// ignored.

import { fail, ok, type Result } from '../../base/index.ts';
import type { Address } from '../../net/index.ts';
import { parseText } from '../../net/index.ts';
import type { XdsNode } from '../../xds/index.ts';
import {
  type BootstrapSources,
  checkSources,
  type IndexedChain,
  translateSources,
} from './bootstrap-sources.ts';
import { namedSecretsOf, tlsConfigsOfCluster } from './cluster-transports.ts';
import type { OverloadConfig } from './overload-types.ts';
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

export interface Bootstrap extends BootstrapSources {
  readonly node: XdsNode;
  /** Null: the default of the command. */
  readonly admin: Address | null;
  readonly listeners: readonly TranslatedListener[];
  /** Without the ADS server's own. */
  readonly clusters: readonly TranslatedCluster[];
  readonly secrets: ReadonlyMap<string, SecretConfig>;
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
  readonly node?: { readonly id?: string; readonly cluster?: string; readonly zone?: string };
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
  const sources = translateSources(message, clusters, faults);
  const chains = listeners.flatMap((listener, index) =>
    [listener, ...listener.further].map((chain): IndexedChain => [index, chain]),
  );
  checkSources(sources, clusters, chains, faults);
  checkSecrets(clusters, chains, secrets, faults);
  if (sources.cds === null) checkRouteClusters(message, faults);
  const adsNames = new Set(sources.ads?.services.map(({ cluster }) => cluster));
  return {
    node: translateNode(message, sources.ads !== null, options, faults),
    admin:
      message.admin?.address === undefined
        ? null
        : translateAddress(message.admin.address, false, 'admin.address', faults),
    listeners,
    secrets,
    clusters: clusters.filter(({ config }) => !adsNames.has(config.name)),
    ...sources,
    overload: limitAll(
      translateOverload(message.overload_manager, 'overload_manager', faults),
      runtime,
      faults,
    ),
    local: translateLocal(message, options, clusters, faults),
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
  options: BootstrapOptions,
  clusters: readonly TranslatedCluster[],
  faults: Faults,
): Bootstrap['local'] {
  const cluster = message.cluster_manager?.local_cluster_name;
  if (cluster === undefined || cluster === '') return null;
  if (!clusters.some(({ config }) => config.name === cluster))
    faults.add('cluster_manager.local_cluster_name', 'must name a static cluster', cluster);
  const said = message.node?.locality;
  const zone = options.node?.zone;
  const place = zone === undefined ? said : { region: said?.region, zone, sub_zone: said?.sub_zone };
  return { cluster, locality: formatLocality(place) };
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
  clusters: readonly TranslatedCluster[],
  chains: readonly IndexedChain[],
  secrets: ReadonlyMap<string, SecretConfig>,
  faults: Faults,
): void {
  const check = (at: string, tls: readonly (TlsConfig | null)[]) => {
    for (const { name, source } of tls.flatMap(namedSecretsOf))
      if (source === null && !secrets.has(name))
        faults.add(
          `static_resources.${at}`,
          'names a secret that static_resources.secrets does not hold',
          name,
        );
  };
  for (const [index, { config }] of chains) check(`listeners[${index}]`, [config.tls]);
  for (const [index, { config }] of clusters.entries())
    check(`clusters[${index}]`, tlsConfigsOfCluster(config));
}

function checkUnique(names: readonly string[], path: string, faults: Faults): void {
  names.forEach((name, index) => {
    if (names.indexOf(name) < index) faults.add(`${path}[${index}].name`, 'must be unique', name);
  });
}

/** What its xDS client can: times to live, and the wrapper that says them in SotW. */
const ownFeatures = ['xds.config.supports-resource-ttl', 'xds.config.resource-in-sotw'];

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
      zone: options.node?.zone ?? node.locality?.zone ?? '',
      subZone: node.locality?.sub_zone ?? '',
    },
    userAgent: `weft/${options.version}`,
    clientFeatures: [...new Set([...ownFeatures, ...(node.client_features ?? [])])],
  };
}
