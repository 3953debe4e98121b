// The table of pages. What changes something is POST, so that neither a crawler nor a prefetching browser can do it;
// and a POST from a web page of another origin is refused, because a browser on the same machine reaches loopback too.

import type { AdminContext } from './context.ts';
import { clustersPage } from './pages/clusters.ts';
import { configDumpPage } from './pages/config-dump.ts';
import {
  drainPage,
  healthPage,
  loggingPage,
  quitPage,
  readyPage,
  reopenLogsPage,
  runtimeModifyPage,
} from './pages/control.ts';
import {
  certificatesPage,
  contentionPage,
  hotRestartVersionPage,
  initDumpPage,
  memoryPage,
  runtimePage,
} from './pages/runtime.ts';
import { listenersPage, serverInfoPage } from './pages/server.ts';
import { prometheusPage, resetCountersPage, statsPage } from './pages/stats.ts';
import { type AdminReply, type AdminRequest, text } from './reply.ts';

export interface AdminPage {
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly summary: string;
  readonly reply: (context: AdminContext, request: AdminRequest) => AdminReply;
}

export const adminPages: readonly AdminPage[] = [
  { path: '/ready', method: 'GET', summary: '200 LIVE when requests may come, else 503', reply: readyPage },
  { path: '/clusters', method: 'GET', summary: 'clusters and endpoints; ?format=json', reply: clustersPage },
  {
    path: '/config_dump',
    method: 'GET',
    summary: 'configuration in force, and what was refused; ?resource, mask, name_regex, include_eds',
    reply: configDumpPage,
  },
  {
    path: '/listeners',
    method: 'GET',
    summary: 'listeners and their addresses; ?format=json',
    reply: listenersPage,
  },
  { path: '/server_info', method: 'GET', summary: 'version, state, node', reply: serverInfoPage },
  { path: '/certs', method: 'GET', summary: 'certificates in use', reply: certificatesPage },
  { path: '/contention', method: 'GET', summary: 'waits for mutexes: there are none', reply: contentionPage },
  { path: '/help', method: 'GET', summary: 'this list', reply: () => text(overview(adminPages)) },
  {
    path: '/hot_restart_version',
    method: 'GET',
    summary: 'who may take over',
    reply: hotRestartVersionPage,
  },
  { path: '/init_dump', method: 'GET', summary: 'what still waits', reply: initDumpPage },
  { path: '/memory', method: 'GET', summary: 'heap and resident memory', reply: memoryPage },
  { path: '/runtime', method: 'GET', summary: 'runtime values: none are read', reply: runtimePage },
  {
    path: '/stats',
    method: 'GET',
    summary: 'counters by Envoy’s names; ?format=json|prometheus, filter, usedonly, type, histogram_buckets',
    reply: statsPage,
  },
  { path: '/stats/prometheus', method: 'GET', summary: 'metrics for Prometheus', reply: prometheusPage },
  { path: '/logging', method: 'POST', summary: 'set the log level: ?level=debug', reply: loggingPage },
  { path: '/healthcheck/fail', method: 'POST', summary: 'make /ready say no', reply: healthPage(true) },
  { path: '/healthcheck/ok', method: 'POST', summary: 'undo it', reply: healthPage(false) },
  {
    path: '/drain_listeners',
    method: 'POST',
    summary: 'take no new connections, finish what runs; ?graceful, inboundonly, skip_exit',
    reply: drainPage,
  },
  { path: '/reopen_logs', method: 'POST', summary: 'open access logs anew', reply: reopenLogsPage },
  {
    path: '/reset_counters',
    method: 'POST',
    summary: 'let the counters of /stats begin at 0',
    reply: resetCountersPage,
  },
  {
    path: '/runtime_modify',
    method: 'POST',
    summary: 'refused: there is no admin layer',
    reply: runtimeModifyPage,
  },
  { path: '/quitquitquit', method: 'POST', summary: 'end the process in order', reply: quitPage },
];

/** The readiness port answers this alone: probes need no more, and it may be open to others. */
export const readinessPages: readonly AdminPage[] = adminPages.filter(
  (page) => page.path === '/ready' || page.path === '/stats/prometheus',
);

export function answer(
  pages: readonly AdminPage[],
  context: AdminContext,
  method: string,
  target: string,
  crossOrigin: boolean,
): AdminReply {
  const request = parseTarget(method, target);
  if (request.path === '/' && method === 'GET') return text(overview(pages));
  const page = pages.find((candidate) => candidate.path === request.path);
  if (page === undefined) return text(`no such page\n\n${overview(pages)}`, 404);
  const asked = method === 'HEAD' ? 'GET' : method;
  if (asked !== page.method) return text(`use ${page.method}\n`, 405);
  if (page.method === 'POST' && crossOrigin) return text('refused: from a page of another origin\n', 403);
  return page.reply(context, request);
}

function overview(pages: readonly AdminPage[]): string {
  return pages
    .map(({ method, path, summary }) => `${method.padEnd(4)} ${path.padEnd(20)} ${summary}\n`)
    .join('');
}

function parseTarget(method: string, target: string): AdminRequest {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = new Map(mark < 0 ? [] : new URLSearchParams(target.slice(mark + 1)));
  return { method, path, query };
}
