// Handshakes that may begin in one turn of the event loop. One costs a server about half a millisecond, so a hundred
// clients that come together would stop everybody who is connected already for 50 ms; here they wait for each other
// instead.

import { Ring } from '../../base/index.ts';

export interface GateMember {
  /** Its turn has come. */
  beginHandshake(): void;
}

/** Half a millisecond each: what an open connection may wait for newcomers in one turn. */
export const handshakesPerTurnMax = 8;
/** More than any listener accepts. */
const waitingMax = 65_536;

const waiting = new Ring<GateMember>(waitingMax);
let begun = 0;
let scheduled = false;

/** True: begin now. False: it waits, and is called; or is refused (null) when too many wait. */
export function enterGate(member: GateMember): boolean | null {
  schedule();
  if (begun < handshakesPerTurnMax && waiting.count === 0) {
    begun++;
    return true;
  }
  return waiting.push(member) ? false : null;
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(release);
}

function release(): void {
  scheduled = false;
  begun = 0;
  try {
    while (begun < handshakesPerTurnMax && waiting.count > 0) {
      begun++;
      waiting.shift()?.beginHandshake();
    }
  } finally {
    // Also when one of them throws: the others still wait.
    if (waiting.count > 0) schedule();
  }
}
