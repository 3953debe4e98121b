// A proxy that is an ordinary container of a pod that is to end (a Job's, before Kubernetes 1.29): it ends when the
// others have. The pod shares its processes, so that they can be seen.

import { readdirSync, readFileSync } from 'node:fs';
import { isOthersProcess, proxyUser } from '../deploy/index.ts';

const lookMs = 1000;
/** Looks in a row that saw nobody: between two programs of a script there may be none. */
const emptyLooks = 3;

/** Nothing ends before somebody was seen: the others start later than the proxy. */
export function watchOthers(end: () => void): void {
  let seen = false;
  let empty = 0;
  const timer = setInterval(() => {
    const there = othersRun();
    seen ||= there;
    empty = there ? 0 : empty + 1;
    if (!seen || empty < emptyLooks) return;
    clearInterval(timer);
    end();
  }, lookMs);
  timer.unref();
}

function othersRun(): boolean {
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && isOther(Number(name)));
}

function isOther(pid: number): boolean {
  try {
    return isOthersProcess(pid, readFileSync(`/proc/${pid}/status`, 'latin1'), proxyUser);
  } catch {
    // It ended in between.
    return false;
  }
}
