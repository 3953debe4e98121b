// What every proxy of a run is asked to do, so that nobody can say they did different work.

import type { FilterName } from './filters.ts';

/** What endpoints speak. `grpc`: HTTP/2, answers end with trailers; `streams`: HTTP/2, answers do not end. */
export type EndpointKind = 'http1' | 'http2' | 'grpc' | 'streams';

export interface Work {
  /** `tcp`: bytes are passed on unseen. */
  readonly protocol: 'http' | 'tcp';
  /** The listener that clients come to terminates TLS. */
  readonly tls: boolean;
  /**
   * The process plays both sidecars of a mesh hop: its outbound listener calls its own inbound one with mutual TLS, and
   * that calls the endpoints.
   */
  readonly meshHop: boolean;
  /** Clients speak HTTP/2; without TLS by prior knowledge. */
  readonly http2: boolean;
  /** Of one connection of a client. */
  readonly streamsMax: number;
  /** HTTP/2 between the two sidecars of a mesh hop. */
  readonly hopHttp2: boolean;
  readonly endpoints: EndpointKind;
  /** Routes of the virtual host; the last one matches. */
  readonly routes: number;
  /** Clusters of three endpoints; one is called. */
  readonly clusters: number;
  readonly threads: number;
  /** An HTTP filter before the router; '': none. */
  readonly filter: FilterName;
}

export const plainWork: Work = {
  protocol: 'http',
  tls: false,
  meshHop: false,
  http2: false,
  streamsMax: 2000,
  hopHttp2: false,
  endpoints: 'http1',
  routes: 2,
  clusters: 1,
  threads: 1,
  filter: '',
};

/** Where a proxy listens, whom it calls, and the files of its certificates. */
export interface Place {
  readonly listener: number;
  /** Of the mesh hop. */
  readonly inbound: number;
  readonly admin: number;
  readonly endpoints: readonly number[];
  readonly certificates: CertificateFiles;
}

export interface CertificateFiles {
  readonly authority: string;
  readonly chain: string;
  readonly key: string;
  /** Chain and key in one, as HAProxy reads them. */
  readonly bundle: string;
}

export interface Peer {
  readonly name: string;
  /** The program whose presence decides whether it takes part. */
  readonly program: string;
  readonly configName: string;
  /** Absent: every work. */
  readonly canDo?: (work: Work) => boolean;
  createConfig(work: Work, place: Place): string;
  createCommand(configPath: string, index: number, work: Work): readonly string[];
}

/** The path that the i-th route takes; load asks for the last. */
export function routePrefix(at: number): string {
  return `/service-${at}/`;
}

/** All requests of all benches begin with it: the last route's. */
export function requestPath(work: Work): string {
  return work.routes <= 2 ? '/accounts/12345/balance' : `${routePrefix(work.routes - 1)}balance`;
}
