// nginx as a proxy, and as the endpoints behind every proxy.

import { dirname } from 'node:path';
import { type Place, routePrefix, type Work } from './work.ts';

const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
  (name) => `${name}_temp_path /tmp;`,
);
const lasting = 'keepalive_requests 100000000; keepalive_timeout 1h;';

export function nginxProxyConfig(work: Work, place: Place): string {
  const { listener, inbound, admin, endpoints } = place;
  const servers = endpoints.map((port) => `server 127.0.0.1:${port} max_fails=5;`).join(' ');
  const tls = work.tls ? ' ssl' : '';
  const others = Array.from({ length: work.clusters - 1 }, (_, at) => upstream(`other-${at}`, servers)).join(
    '\n',
  );
  const hop = `server { listen 127.0.0.1:${inbound} ssl; ${serverTls(place)} ssl_verify_client on; ${locations(work, 'http://ledger')} }`;
  const call = `https://hop; proxy_ssl_server_name on; proxy_ssl_name ledger; proxy_ssl_verify on; proxy_ssl_session_reuse on; ${clientTls(place)}`;
  return `${head(work, place)}
http {
  access_log off; ${lasting} ${temporary.join(' ')}
  ${upstream('ledger', servers)}
  ${others}
  ${work.meshHop ? upstream('hop', `server 127.0.0.1:${inbound};`) : ''}
  server { listen 127.0.0.1:${admin}; location /ready { return 200; } }
  server { listen 127.0.0.1:${listener}${tls}; ${work.tls ? serverTls(place) : ''} ${locations(work, work.meshHop ? call : 'http://ledger')} }
  ${work.meshHop ? hop : ''}
}
`;
}

/** nginx removes the file of its process id when it ends: it must be one of its own. */
function head(work: Work, { certificates }: Place): string {
  const workers = `worker_processes ${work.threads}; ${work.threads === 1 ? 'master_process off;' : ''}`;
  return `daemon off; ${workers} pid ${dirname(certificates.chain)}/nginx.pid; worker_rlimit_nofile 20000;
events { worker_connections 19000; }`;
}

function upstream(name: string, servers: string): string {
  return `upstream ${name} { least_conn; ${servers} keepalive 256; keepalive_requests 100000000; }`;
}

function locations(work: Work, to: string): string {
  const pass = `proxy_pass ${to}${to.endsWith(';') ? '' : ';'} proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header x-request-id $request_id; proxy_next_upstream error timeout http_503 non_idempotent; proxy_next_upstream_tries 2;`;
  const prefixes = work.routes <= 2 ? [] : Array.from({ length: work.routes }, (_, at) => routePrefix(at));
  return [...prefixes, '/'].map((prefix) => `location ${prefix} { ${pass} }`).join('\n');
}

function serverTls({ certificates }: Place): string {
  return `ssl_certificate ${certificates.chain}; ssl_certificate_key ${certificates.key}; ssl_client_certificate ${certificates.authority}; ssl_session_cache shared:s:10m;`;
}

function clientTls({ certificates }: Place): string {
  return `proxy_ssl_certificate ${certificates.chain}; proxy_ssl_certificate_key ${certificates.key}; proxy_ssl_trusted_certificate ${certificates.authority};`;
}

/** What the endpoints answer beside the small body: files of that many kB below `/size/`. */
export const bodyKilobytes = [0, 1, 16, 256, 10_240] as const;

/** nginx answering 200 with a small body on every endpoint port, and with files of some sizes; some over HTTP/2. */
export function backendConfig(
  endpoints: readonly number[],
  http2Endpoints: readonly number[],
  folder: string,
): string {
  const servers = [...endpoints, ...http2Endpoints].map(
    (port) =>
      `server { listen 127.0.0.1:${port} backlog=4096${http2Endpoints.includes(port) ? ' http2' : ''}; http2_max_concurrent_streams 2000; client_max_body_size 100m; location /size/ { root ${folder}; } location / { return 200 '{"account":"12345","balance":1000}'; } }`,
  );
  return `daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
  access_log off; ${lasting} default_type application/json; ${temporary.join(' ')}
  sendfile on; open_file_cache max=100;
  ${servers.join('\n  ')}
}
`;
}
