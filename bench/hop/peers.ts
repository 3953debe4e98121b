// The proxies under comparison: how each is configured for the same work (one listener, one cluster of three endpoints,
// balancing by load, retries, ejection of failing endpoints, request ids, metrics) and started with one thread.

import { envoyBootstrap } from './envoy-bootstrap.ts';

export interface Ports {
  readonly listener: number;
  readonly admin: number;
  readonly endpoints: readonly number[];
}

export interface Peer {
  readonly name: string;
  /** The program whose presence decides whether it takes part. */
  readonly program: string;
  readonly configName: string;
  createConfig(ports: Ports): string;
  createCommand(configPath: string, index: number): readonly string[];
}

export const peers: readonly Peer[] = [
  {
    name: 'weft',
    program: 'sh',
    configName: 'weft.json',
    createConfig: envoyBootstrap,
    createCommand: (config) => [
      process.env['WEFT_BIN'] ?? 'bin/weft',
      'proxy',
      '-c',
      config,
      '--log-level',
      'error',
    ],
  },
  {
    name: 'envoy',
    program: 'envoy',
    configName: 'envoy.json',
    createConfig: envoyBootstrap,
    createCommand: (config, index) => [
      ...['envoy', '-c', config, '--concurrency', '1', '-l', 'error', '--base-id', String(700 + index)],
    ],
  },
  {
    name: 'haproxy',
    program: 'haproxy',
    configName: 'haproxy.cfg',
    createConfig: haproxyConfig,
    createCommand: (config) => ['haproxy', '-db', '-f', config],
  },
  {
    name: 'nginx',
    program: 'nginx',
    configName: 'nginx.conf',
    createConfig: nginxProxyConfig,
    createCommand: (config) => ['nginx', '-e', 'stderr', '-c', config],
  },
];

function haproxyConfig({ listener, admin, endpoints }: Ports): string {
  const servers = endpoints.map(
    (port, index) =>
      `  server s${index} 127.0.0.1:${port} observe layer7 error-limit 5 on-error mark-down check inter 10s`,
  );
  return `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 1s
  timeout client 1h
  timeout server 15s
  retries 2
  option redispatch
  retry-on conn-failure empty-response 503
  http-reuse always
frontend outbound
  bind 127.0.0.1:${listener}
  unique-id-format %{+X}o%ci%cp%fi%fp%Ts%rt%pid
  unique-id-header x-request-id
  acl ledger hdr(host) -i ledger
  use_backend ledger if ledger
  default_backend ledger
frontend metrics
  bind 127.0.0.1:${admin}
  http-request use-service prometheus-exporter if { path /metrics }
  http-request return status 200 if { path /ready }
backend ledger
  balance leastconn
${servers.join('\n')}
`;
}

function nginxProxyConfig({ listener, admin, endpoints }: Ports): string {
  return `daemon off; master_process off; worker_processes 1; pid /dev/null;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 1h;
  client_body_temp_path /tmp; proxy_temp_path /tmp; fastcgi_temp_path /tmp; uwsgi_temp_path /tmp; scgi_temp_path /tmp;
  upstream ledger { least_conn; ${endpoints.map((port) => `server 127.0.0.1:${port} max_fails=5;`).join(' ')} keepalive 256; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${admin}; location /ready { return 200; } }
  server {
    listen 127.0.0.1:${listener};
    location / {
      proxy_pass http://ledger; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header x-request-id $request_id; proxy_next_upstream error timeout http_503 non_idempotent; proxy_next_upstream_tries 2;
    }
  }
}
`;
}

/** The backend of all: nginx answering 200 with a small body on every endpoint port. */
export function backendConfig(endpoints: readonly number[]): string {
  const servers = endpoints.map(
    (port) =>
      `server { listen 127.0.0.1:${port}; location / { return 200 '{"account":"12345","balance":1000}'; } }`,
  );
  return `daemon off; master_process off; worker_processes 1; pid /dev/null;
events { worker_connections 2048; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 1h; default_type application/json;
  client_body_temp_path /tmp; proxy_temp_path /tmp; fastcgi_temp_path /tmp; uwsgi_temp_path /tmp; scgi_temp_path /tmp;
  ${servers.join('\n  ')}
}
`;
}
