// The proxies under comparison, each started with as many threads as the work says.

import { fileURLToPath } from 'node:url';
import { envoyBootstrap } from './envoy-bootstrap.ts';
import { haproxyConfig } from './haproxy.ts';
import { nginxProxyConfig } from './nginx.ts';
import type { Peer } from './work.ts';

const userFilter = fileURLToPath(new URL('user-filter.ts', import.meta.url));

export const peers: readonly Peer[] = [
  {
    name: 'weft',
    program: 'sh',
    configName: 'weft.json',
    createConfig: envoyBootstrap,
    createCommand: (config, _index, work) => [
      ...[process.env['WEFT_BIN'] ?? 'dist/weft', 'proxy', '-c', config, '--log-level', 'error'],
      ...(work.threads === 1 ? [] : ['--concurrency', String(work.threads)]),
      ...(work.filter === 'typescript' ? ['--filter', userFilter] : []),
    ],
  },
  {
    name: 'envoy',
    program: 'envoy',
    configName: 'envoy.json',
    canDo: (work) => work.filter !== 'typescript',
    createConfig: envoyBootstrap,
    createCommand: (config, index, work) => [
      ...[
        'envoy',
        '-c',
        config,
        '--concurrency',
        String(work.threads),
        '-l',
        'error',
        '--base-id',
        String(700 + index),
      ],
    ],
  },
  {
    name: 'haproxy',
    program: 'haproxy',
    configName: 'haproxy.cfg',
    canDo: (work) => work.filter === '',
    createConfig: haproxyConfig,
    createCommand: (config) => ['haproxy', '-db', '-f', config],
  },
  {
    name: 'nginx',
    program: 'nginx',
    configName: 'nginx.conf',
    // Its stream module is not part of every package, HTTP/2 it speaks to clients only, and with several workers it is
    // several processes, of which one would be measured.
    canDo: (work) =>
      work.threads === 1 &&
      work.filter === '' &&
      work.protocol === 'http' &&
      !work.http2 &&
      !work.hopHttp2 &&
      work.endpoints === 'http1',
    createConfig: nginxProxyConfig,
    createCommand: (config) => ['nginx', '-e', 'stderr', '-c', config],
  },
];
