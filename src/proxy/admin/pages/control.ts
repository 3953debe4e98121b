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
  const level = request.query.get('level');
  if (level !== undefined) {
    if (!isLogLevel(level)) return text(`level must be one of ${logLevels.join(', ')}\n`, 400);
    context.log.level = level;
  }
  return text(`active level: ${context.log.level}\n`);
}

export function drainPage(context: AdminContext): AdminReply {
  context.actions.drainListeners();
  return text('OK\n');
}

export function quitPage(context: AdminContext): AdminReply {
  context.actions.quit();
  return text('OK\n');
}
