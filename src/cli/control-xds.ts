// How `weft control` serves xDS: in plain text to this machine, and by TLS to callers who prove who they are.

import { InvalidArgumentError, Option } from 'commander';
import type { Clock, Log } from '../base/index.ts';
import {
  AuthorityKeeper,
  CallerProver,
  type ControlPlane,
  followIdentityFiles,
  listRootOwners,
  ObjectFleet,
  type RootOwner,
  renderRoots,
  ServerIdentity,
  TokenReviews,
  WebhookKeeper,
} from '../control/index.ts';
import { meshPorts, namesOf, webhookConfigurationName, xdsNames } from '../deploy/index.ts';
import { type Address, createBunNetwork, createFileStore, createSystemRandom, gunzip } from '../net/index.ts';
import {
  type GrpcAdsListener,
  parseGatewayDuration,
  type ServeGrpcAdsOptions,
  serveGrpcAds,
  typeUrls,
  virtualHostType,
} from '../xds/index.ts';
import { Exit, exitCode } from './command.ts';
import type { KubernetesAccess } from './kubernetes.ts';

export type IpAddress = Extract<Address, { readonly kind: 'ip' }>;

export interface XdsFlags {
  readonly xds: IpAddress;
  readonly insecureXds?: true;
  readonly xdsTls?: IpAddress;
  readonly xdsCert?: string;
  readonly xdsKey?: string;
  readonly xdsClientCa?: string;
  readonly xdsAudience: string;
  readonly xdsTrustDomain: string;
  readonly xdsTtl: ReadonlyMap<string, number>;
}

/** What a token must be meant for, here and in what `weft install` and `weft inject` write. */
export function xdsOptions(parseAddress: (text: string) => IpAddress): readonly Option[] {
  return [
    new Option('--xds <address>', 'where proxies of this machine connect, in plain text')
      .argParser(parseAddress)
      .default(parseAddress('127.0.0.1:15010'), '127.0.0.1:15010'),
    new Option(
      '--insecure-xds',
      'let --xds be reached from elsewhere: everybody there may read along, and is believed to be the proxy that they name',
    ),
    new Option(
      '--xds-tls <address>',
      `where proxies connect by TLS and prove who they are, as 0.0.0.0:${meshPorts.xds}`,
    ).argParser(parseAddress),
    new Option(
      '--xds-cert <file>',
      'its certificate, PEM (default: of an authority of our own, in the Secret weft-ca)',
    ),
    new Option('--xds-key <file>', 'and its key'),
    new Option(
      '--xds-client-ca <file>',
      'take certificates of this authority too, spiffe://DOMAIN/ns/NS/sa/ACCOUNT',
    ),
    new Option('--xds-audience <name>', 'what the tokens of proxies are meant for').default('weft'),
    new Option('--xds-trust-domain <name>', 'DOMAIN of the certificates that are taken').default(
      'cluster.local',
    ),
    new Option(
      '--xds-ttl <type=duration>',
      'what proxies have of listeners, routes, hosts, clusters, endpoints or secrets ends so long after this control plane fell silent, as clusters=5m; may be repeated (default: it stays)',
    )
      .argParser(collectLifetime)
      .default(new Map(), ''),
  ];
}

const lifetimeTypes: Readonly<Record<string, string>> = {
  listeners: typeUrls.listener,
  routes: typeUrls.route,
  hosts: virtualHostType,
  clusters: typeUrls.cluster,
  endpoints: typeUrls.endpoint,
  secrets: typeUrls.secret,
};

/** A renewal of a shorter one would be a storm, and late whenever the machine is busy. */
const lifetimeMinMs = 1_000;
const lifetimeMaxMs = 24 * 3_600_000;

function collectLifetime(text: string, before: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const [word = '', duration = ''] = text.split('=');
  const typeUrl = lifetimeTypes[word];
  if (typeUrl === undefined)
    throw new InvalidArgumentError(
      `It must be one of ${Object.keys(lifetimeTypes).join(', ')}, = and a duration.`,
    );
  const ms = parseGatewayDuration(duration);
  if (ms === null || ms < lifetimeMinMs || ms > lifetimeMaxMs)
    throw new InvalidArgumentError('Its duration must be from 1s to 24h.');
  return new Map([...before, [typeUrl, ms]]);
}

/** Throws what a person must mend. */
export function checkXdsFlags(flags: XdsFlags & { readonly status: boolean }, inKubernetes: boolean): void {
  const { xds, insecureXds, xdsTls, xdsCert, xdsKey, xdsClientCa, status } = flags;
  if (!isLoopback(xds.host) && insecureXds !== true)
    throw usage(
      `--xds ${xds.host} reaches beyond this machine in plain text: serve --xds-tls there, or say --insecure-xds`,
    );
  if ((xdsCert === undefined) !== (xdsKey === undefined)) throw usage('--xds-cert and --xds-key go together');
  if (xdsTls === undefined) {
    if (xdsCert !== undefined || xdsClientCa !== undefined)
      throw usage('--xds-cert, --xds-key and --xds-client-ca go with --xds-tls');
  } else if (!inKubernetes && (xdsCert === undefined || xdsClientCa === undefined))
    throw usage('with --dir, --xds-tls wants --xds-cert, --xds-key and --xds-client-ca');
  else if (!status && xdsCert === undefined)
    throw usage('with --no-status nobody makes the authority of --xds-tls: give --xds-cert and --xds-key');
}

export function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}

/** Serves in plain text; throws a ListenError. */
export function servePlainXds(
  plane: ControlPlane,
  clock: Clock,
  log: Log,
  address: IpAddress,
  healthy: () => boolean,
): GrpcAdsListener {
  return serveGrpcAds({ ...common(plane, clock, log), address, healthy });
}

function common(plane: ControlPlane, clock: Clock, log: Log): Omit<ServeGrpcAdsOptions, 'address'> {
  return {
    server: plane.adsServer,
    loads: plane.loads,
    network: createBunNetwork(),
    clock,
    log,
    random: createSystemRandom(),
    gunzip,
  };
}

interface Kept {
  lead(leading: boolean): void;
  poke(): void;
  stop(): void;
}

export interface SecureXds {
  readonly listener: GrpcAdsListener;
  /** There is a certificate; without one nobody is let in. */
  isOpen(): boolean;
  /** What the replica that leads all revisions keeps for it. */
  readonly fleets: readonly Kept[];
  /** What one replica of each revision keeps. */
  readonly own: readonly Kept[];
  stop(): void;
}

interface ScopeFlags {
  readonly namespace: readonly string[];
  readonly revision: string;
}

/** Serves by TLS; throws a ListenError. Until there is a certificate, nobody is let in. */
export async function serveSecureXds(
  plane: ControlPlane,
  clock: Clock,
  log: Log,
  flags: XdsFlags & ScopeFlags & { readonly xdsTls: IpAddress },
  kubernetes: KubernetesAccess | null,
  healthy: () => boolean,
): Promise<SecureXds> {
  const { POD_NAMESPACE: namespace = 'weft-system' } = process.env;
  const {
    xdsTls: address,
    xdsCert: certificate,
    xdsKey: key,
    xdsClientCa: clientCa,
    xdsAudience: audience,
    xdsTrustDomain: trustDomain,
  } = flags;
  const network = createBunNetwork();
  const identity = new ServerIdentity({ network, clock, log, names: xdsNames(namespace, flags.revision) });
  const pair = certificate === undefined || key === undefined ? null : { certificate, key };
  const unfollow = await followIdentityFiles({
    store: createFileStore(),
    log,
    identity,
    paths: { pair, clientCa: clientCa ?? null },
  });
  const reviews = kubernetes === null ? null : new TokenReviews({ api: kubernetes.api, clock, audience });
  const proof = new CallerProver({
    reviews,
    catalog: plane.catalog,
    namespace,
    trustDomain,
    counts: plane.callers,
  });
  const listener = serveGrpcAds({
    ...common(plane, clock, log),
    address,
    tls: identity.current,
    proof,
    healthy,
  });
  const own =
    pair !== null || kubernetes === null
      ? null
      : keepAuthority(plane, clock, log, flags, kubernetes, identity);
  return {
    listener,
    isOpen: () => identity.current() !== null,
    fleets: own?.shared ?? [],
    own: own?.own ?? [],
    stop() {
      identity.stop();
      unfollow();
      for (const one of [...(own?.shared ?? []), ...(own?.own ?? [])]) one.stop();
    },
  };
}

/** Our own authority: in its Secret, and what is to be trusted in every namespace that is served. */
function keepAuthority(
  plane: ControlPlane,
  clock: Clock,
  log: Log,
  flags: ScopeFlags,
  { api, source }: KubernetesAccess,
  identity: ServerIdentity,
): { readonly shared: readonly Kept[]; readonly own: readonly Kept[] } {
  const { POD_NAMESPACE: namespace = 'weft-system' } = process.env;
  const maps = new ObjectFleet<RootOwner>({
    api,
    clock,
    random: createSystemRandom(),
    log,
    kind: 'Namespace',
    list: () => {
      const owners = listRootOwners(plane, source, keeper.authority?.roots ?? null);
      if (flags.namespace.length === 0) return owners;
      return owners?.filter((owner) => flags.namespace.includes(owner.namespace)) ?? null;
    },
    isReleased: () => true,
    render: renderRoots,
    holds: ({ present, roots }) => present === roots,
  });
  const keeper = new AuthorityKeeper({
    api,
    clock,
    log,
    namespace,
    onAuthority: (authority) => {
      identity.useAuthority(authority);
      maps.poke();
      webhook.authorityChanged();
    },
  });
  const webhook = new WebhookKeeper({
    api,
    clock,
    log,
    namespace,
    name: namesOf(flags.revision).inject,
    configuration: webhookConfigurationName(flags.revision, namespace),
    authority: () => keeper.authority,
  });
  keeper.start();
  return { shared: [keeper, maps], own: [webhook] };
}

function usage(message: string): Exit {
  return new Exit(exitCode.usage, `weft control: ${message}`);
}
