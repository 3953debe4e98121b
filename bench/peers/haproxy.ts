// HAProxy, asked for the same work by its own means: balancing by load, retries, ejection by observed errors, request
// ids, metrics.

import { type Place, routePrefix, type Work } from './work.ts';

export function haproxyConfig(work: Work, place: Place): string {
  const { listener, inbound, admin, endpoints, certificates } = place;
  const alpn = ' alpn h2,http/1.1';
  const tls = work.tls ? ` ssl crt ${certificates.bundle}${work.http2 ? alpn : ''}` : '';
  const mutual = `ssl crt ${certificates.bundle} ca-file ${certificates.authority} verify required`;
  const call = `  server inbound 127.0.0.1:${inbound} ${mutual} sni str(ledger) verifyhost ledger${work.hopHttp2 ? ' alpn h2' : ''}`;
  const frontends = work.meshHop
    ? [
        ...frontend('outbound', listener, tls, 'hop', work),
        ...frontend('inbound', inbound, ` ${mutual}${work.hopHttp2 ? alpn : ''}`, 'ledger', work),
      ]
    : frontend('outbound', listener, tls, 'ledger', work);
  return `${[
    'global',
    `  nbthread ${work.threads}`,
    '  quiet',
    '  no strict-limits',
    `  tune.h2.max-concurrent-streams ${work.streamsMax}`,
    '  maxconn 10100',
    '  ssl-default-bind-options no-tlsv10',
    'defaults',
    `  mode ${work.protocol}`,
    '  timeout connect 1s',
    '  timeout client 1h',
    '  timeout server 15s',
    '  retries 2',
    ...(work.protocol === 'tcp'
      ? []
      : ['  option redispatch', '  retry-on conn-failure empty-response 503', '  http-reuse always']),
    ...frontends,
    'frontend metrics',
    `  bind 127.0.0.1:${admin}`,
    '  mode http',
    '  http-request use-service prometheus-exporter if { path /metrics }',
    '  http-request return status 200 if { path /ready }',
    ...(work.meshHop ? ['backend hop', call] : []),
    ...backend('ledger', endpoints, work),
    ...Array.from({ length: work.clusters - 1 }, (_, at) => backend(`other-${at}`, endpoints, work)).flat(),
  ].join('\n')}\n`;
}

function frontend(name: string, port: number, tls: string, to: string, work: Work): readonly string[] {
  const bind = [`frontend ${name}`, `  bind 127.0.0.1:${port}${tls}`];
  if (work.protocol === 'tcp') return [...bind, `  default_backend ${to}`];
  const routes =
    work.routes <= 2
      ? []
      : Array.from(
          { length: work.routes },
          (_, at) => `  use_backend ${to} if { path_beg ${routePrefix(at)} }`,
        );
  return [
    ...bind,
    '  unique-id-format %{+X}o%ci%cp%fi%fp%Ts%rt%pid',
    '  unique-id-header x-request-id',
    '  acl ledger hdr(host) -i ledger',
    ...routes,
    `  use_backend ${to} if ledger`,
    `  default_backend ${to}`,
  ];
}

function backend(name: string, endpoints: readonly number[], work: Work): readonly string[] {
  const layer = work.protocol === 'tcp' ? 'layer4' : 'layer7';
  return [
    `backend ${name}`,
    '  balance leastconn',
    ...endpoints.map(
      (port, at) =>
        `  server s${at} 127.0.0.1:${port} observe ${layer} error-limit 5 on-error mark-down check inter 10s${work.endpoints === 'http1' ? '' : ' proto h2'}`,
    ),
  ];
}
