// A turn is one call from the event loop into handlers. What sockets wrote during it is flushed when it ends, so that a
// head, its body and the next message leave together; closes are delivered then too, never inside the call that caused
// them. Work that runs outside of a turn (timers, promises) is finished by a microtask.
// Who gathers what many streams write (HTTP/2) may wait longer, until all sockets of the same poll had their turn: then
// one write carries what several reads brought about (docs/decisions/0003).

import { GiveWay } from './give-way.ts';
import { libc } from './native/index.ts';

/** What turn.ts needs of a socket; it breaks the import cycle with bun-socket.ts. */
export interface TurnMember {
  flushPending: boolean;
  flush(): void;
  deliverClose(): void;
}

const flushing: TurnMember[] = [];
const closing: TurnMember[] = [];
let depth = 0;
/** When the turn that runs began, or -1 until somebody asks. */
let beganMs = -1;
let scheduled = false;

/** Polls of one turn, one behind another, after which nobody waits for the end of a poll. */
const lonelyPollsMax = 4;
/** So many flushes later it is tried again. */
const quietFlushes = 64;

const gathering: TurnMember[] = [];
const way = new GiveWay(
  () => libc()?.sched_yield(),
  () => performance.now(),
);
/** Turns of this poll since somebody waits for its end. */
let turnsWaited = 0;
let lonelyPolls = 0;
let quietFlushesLeft = 0;

export function beginTurn(): void {
  if (depth++ === 0) beganMs = -1;
}

/**
 * `performance.now()`, which stands still while a turn runs: what one read brought came at one time. A request asks for
 * it four times, and many come in one read.
 */
export function turnNow(): number {
  if (depth === 0) return performance.now();
  if (beganMs < 0) beganMs = performance.now();
  return beganMs;
}

export function endTurn(): void {
  try {
    if (depth === 1) {
      turnsWaited++;
      if (flushing.length + closing.length > 0) settle();
    }
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

/**
 * The same for who gathers: flushed when the poll is over, or at the end of the turn while polls bring one socket each,
 * where waiting would gather nothing.
 */
export function deferGathered(member: TurnMember): void {
  if (member.flushPending) return;
  if (depth === 0 || quietFlushesLeft > 0) {
    if (quietFlushesLeft > 0) quietFlushesLeft--;
    deferFlush(member);
    return;
  }
  member.flushPending = true;
  gathering.push(member);
  if (gathering.length > 1) return;
  turnsWaited = 0;
  // The runtime calls it after the sockets of this poll and before the next one.
  setImmediate(endPoll);
}

function endPoll(): void {
  lonelyPolls = turnsWaited > 1 ? 0 : lonelyPolls + 1;
  if (lonelyPolls >= lonelyPollsMax) {
    // The next try has to show at once that it is different now.
    lonelyPolls = lonelyPollsMax - 1;
    quietFlushesLeft = quietFlushes;
  }
  for (const member of gathering) flushing.push(member);
  gathering.length = 0;
  const turns = turnsWaited;
  settleAll();
  way.afterPoll(turns);
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
  settleAll();
}

function settleAll(): void {
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
