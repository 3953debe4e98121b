// Pages that probes ask and operators post to.

import { isLogLevel, logLevels } from '../../../observe/index.ts';
import type { AdminContext } from '../context.ts';
import { type AdminReply, type AdminRequest, text } from '../reply.ts';

export function readiness(context: AdminContext): 'LIVE' | 'DRAINING' | 'PRE_INITIALIZING' {
  if (context.view.draining || context.healthFailed) return 'DRAINING';
  return context.config.ready ? 'LIVE' : 'PRE_INITIALIZING';
}

export function readyPage(context: AdminContext): AdminReply {
  const state = readiness(context);
  return text(`${state}\n`, state === 'LIVE' ? 200 : 503);
}

export function healthPage(failed: boolean): (context: AdminContext) => AdminReply {
  return (context) => {
    context.healthFailed = failed;
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
