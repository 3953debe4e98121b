// A turn is one call from the event loop into handlers. What sockets wrote during it is flushed when it ends, so that a
// head, its body and the next message leave together; closes are delivered then too, never inside the call that caused
// them. Work that runs outside of a turn (timers, promises) is finished by a microtask.

/** What turn.ts needs of a socket; it breaks the import cycle with bun-socket.ts. */
export interface TurnMember {
  flushPending: boolean;
  flush(): void;
  deliverClose(): void;
}

const flushing: TurnMember[] = [];
const closing: TurnMember[] = [];
let depth = 0;
let scheduled = false;

export function beginTurn(): void {
  depth++;
}

export function endTurn(): void {
  try {
    if (depth === 1 && flushing.length + closing.length > 0) settle();
  } finally {
    depth--;
  }
}

/** Idempotent within a turn. */
export function deferFlush(member: TurnMember): void {
  if (member.flushPending) return;
  member.flushPending = true;
  flushing.push(member);
  if (depth === 0) schedule();
}

export function deferClose(member: TurnMember): void {
  closing.push(member);
  if (depth === 0) schedule();
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(runScheduled);
}

function runScheduled(): void {
  scheduled = false;
  beginTurn();
  try {
    settle();
  } finally {
    depth--;
  }
}

/**
 * Flushing may close sockets and closing may write to others, so both lists run until they are empty. What one of them
 * throws concerns nobody else: the others go on in a turn of their own.
 */
function settle(): void {
  let at = 0;
  let done = 0;
  try {
    while (at < flushing.length || done < closing.length) {
      if (at < flushing.length) flushing[at++]!.flush();
      else closing[done++]!.deliverClose();
      if (at === flushing.length) at = flushing.length = 0;
      if (done === closing.length) done = closing.length = 0;
    }
  } finally {
    if (at + done > 0) leaveRest(at, done);
  }
}

function leaveRest(flushed: number, closed: number): void {
  flushing.splice(0, flushed);
  closing.splice(0, closed);
  schedule();
}
