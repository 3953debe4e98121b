// Pages that probes ask and operators post to.

import { isLogLevel, logLevels } from '../../../observe/index.ts';
import type { AdminContext } from '../context.ts';
import { type AdminReply, type AdminRequest, text } from '../reply.ts';

/** The state in Envoy's words, and below it why it is not LIVE. */
export function readyPage({ readiness: { state, reasons } }: AdminContext): AdminReply {
  return text([state, ...reasons, ''].join('\n'), state === 'LIVE' ? 200 : 503);
}

export function healthPage(failed: boolean): (context: AdminContext) => AdminReply {
  return (context) => {
    context.actions.failHealth(failed);
    return text('OK\n');
  };
}

export function loggingPage(context: AdminContext, request: AdminRequest): AdminReply {
  const asked = request.query.get('level');
  if (asked !== undefined) {
    const level = envoyLevels[asked] ?? asked;
    if (!isLogLevel(level)) return text(`level must be one of ${logLevels.join(', ')}\n`, 400);
    context.log.level = level;
  }
  return text(`active level: ${context.log.level}\n`);
}

/** Envoy's levels that are called otherwise here. */
const envoyLevels: Readonly<Record<string, string>> = {
  trace: 'debug',
  warning: 'warn',
  critical: 'error',
};

/**
 * `graceful`, `inboundonly` and `skip_exit` (go on listening) as in Envoy; without `graceful` clients are sent away at
 * once, by their next answer, where Envoy tells them nothing.
 */
export function drainPage(context: AdminContext, { query }: AdminRequest): AdminReply {
  context.actions.drainListeners({
    graceful: query.has('graceful'),
    inboundOnly: query.has('inboundonly'),
    keepListening: query.has('skip_exit'),
  });
  return text('OK\n');
}

export function reopenLogsPage(context: AdminContext): AdminReply {
  context.actions.reopenLogs();
  return text('OK\n');
}

/** There is no admin layer of runtime values to put one into. */
export function runtimeModifyPage(): AdminReply {
  return text('No admin layer specified\n', 503);
}

export function quitPage(context: AdminContext): AdminReply {
  context.actions.quit();
  return text('OK\n');
}
