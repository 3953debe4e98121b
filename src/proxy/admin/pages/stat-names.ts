// From the names and labels of a scrape back to the dotted names that Envoy had before there were labels: what stood in
// a label returns to its place in the name. What only Weft counts keeps its own name, labels behind it.

export interface Stat {
  readonly name: string;
  readonly type: string;
  readonly value: number;
}

/** Behind `envoy_`: the scope, and the label that names its member. */
const scopes: readonly (readonly [prefix: string, scope: string, label: string])[] = [
  ['cluster_manager_', 'cluster_manager', ''],
  ['listener_manager_', 'listener_manager', ''],
  ['server_', 'server', ''],
  ['cluster_', 'cluster', 'envoy_cluster_name'],
  ['http_', 'http', 'envoy_http_conn_manager_prefix'],
  ['listener_', 'listener', 'envoy_listener_address'],
  ['tcp_', 'tcp', 'envoy_tcp_prefix'],
];

/** The same with more than one member, or with the member before the scope: `{}` are its labels. */
const otherScopes: readonly (readonly [prefix: string, scope: string, labels: readonly string[]])[] = [
  ['vhost_vcluster_', 'vhost.{}.vcluster.{}', ['envoy_virtual_host', 'envoy_virtual_cluster']],
  ['vhost_route_', 'vhost.{}.route.{}', ['envoy_virtual_host', 'envoy_route']],
  ['http_local_rate_limit_', '{}.http_local_rate_limit', ['envoy_local_http_ratelimit_prefix']],
  ['local_rate_limit_', 'local_rate_limit.{}', ['envoy_local_network_ratelimit_prefix']],
  ['connection_limit_', 'connection_limit.{}', ['envoy_connection_limit_prefix']],
  ['rbac_', '{}.rbac', ['envoy_rbac_prefix']],
];

/** Filters whose figures Envoy keeps in a scope of their own below the listener's. */
const filterScopes =
  /^(fault|cors|csrf|rbac|buffer|ext_authz|jwt_authn|compressor|decompressor|health_check)_(?!check)/;

/** What Envoy groups below a cluster or listener. */
const groups =
  /^(outlier_detection|circuit_breakers_default|circuit_breakers_high|http1|http2|ssl|health_check|external)_/;

/** Every sample of a scrape but the buckets of histograms, sorted by name as Envoy sorts them. */
export function parseStats(scrape: string): readonly Stat[] {
  const stats: Stat[] = [];
  let type = '';
  for (const line of scrape.split('\n')) {
    if (line.startsWith('# TYPE ')) type = line.slice(line.lastIndexOf(' ') + 1);
    const sample = /^([a-zA-Z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    const [, name = '', labels = '', value = ''] = sample ?? [];
    if (sample === null || name.endsWith('_bucket')) continue;
    stats.push({ name: dottedName(name, labels), type, value: Number(value) });
  }
  return stats.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

export function dottedName(name: string, labels: string): string {
  const whole = labels === '' ? name : `${name}{${labels}}`;
  if (!name.startsWith('envoy_')) return whole;
  const rest = name.slice('envoy_'.length);
  if (rest.startsWith('overload_')) return overloadName(rest);
  const bandwidth = /^(.+)_http_bandwidth_limit_(.+)$/.exec(rest);
  if (bandwidth !== null) return `${bandwidth[1]}.http_bandwidth_limit.${bandwidth[2]}`;
  const other = otherScopes.find(([prefix]) => rest.startsWith(prefix));
  if (other !== undefined) return otherName(rest, other, parseLabels(labels));
  const found = scopes.find(([prefix]) => rest.startsWith(prefix));
  if (found === undefined) return whole;
  const [prefix, scope, label] = found;
  const values = parseLabels(labels);
  const member = label === '' ? '' : `.${values.get(label) ?? ''}`;
  const own = rest.slice(prefix.length);
  const grouped = scope === 'cluster' || scope === 'listener' ? placeGroup(own, values) : own;
  return `${scope}${member}.${placeStatus(grouped.replace(filterScopes, '$1.'), values)}`;
}

function otherName(
  name: string,
  [prefix, scope, keys]: (typeof otherScopes)[number],
  labels: ReadonlyMap<string, string>,
): string {
  const members = keys.values();
  const placed = scope.replaceAll('{}', () => labels.get(members.next().value ?? '') ?? '');
  return `${placed}.${placeStatus(name.slice(prefix.length), labels)}`;
}

/** `circuit_breakers_high_rq_open` is `circuit_breakers.high.rq_open`; what TLS agreed on ends its name. */
function placeGroup(name: string, labels: ReadonlyMap<string, string>): string {
  const placed = name.replace(groups, (_, group: string) => `${group.replace('breakers_', 'breakers.')}.`);
  const agreed =
    labels.get('envoy_ssl_cipher') ?? labels.get('envoy_ssl_version') ?? labels.get('envoy_ssl_curve');
  if (agreed !== undefined) return `${placed}.${agreed}`;
  const certificate = labels.get('envoy_tls_certificate');
  return certificate === undefined ? placed : placed.replace('.certificate_', `.certificate.${certificate}.`);
}

/** Names of monitors and actions have dots of their own: `overload.envoy.resource_monitors.fixed_heap.pressure`. */
function overloadName(name: string): string {
  return name
    .replace(/^overload_/, 'overload.')
    .replace(/\.(envoy|weft)_(resource_monitors|overload_actions)_/, '.$1.$2.')
    .replace(/_(pressure|failed_updates|active|scale_percent)$/, '.$1');
}

/** `upstream_rq_xx` with class 5 is `upstream_rq_5xx`, `upstream_rq` with code 503 is `upstream_rq_503`. */
function placeStatus(name: string, labels: ReadonlyMap<string, string>): string {
  const statusClass = labels.get('envoy_response_code_class');
  if (statusClass !== undefined) return name.replace(/_xx$/, `_${statusClass}xx`);
  const status = labels.get('envoy_response_code');
  return status === undefined ? name : `${name}_${status}`;
}

function parseLabels(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', value = '']) => [key, value]),
  );
}
