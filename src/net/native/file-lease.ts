// Is a file open for writing by anybody? The kernel gives a read lease (fcntl(2), F_SETLEASE) on a file only while it
// is not; nothing else tells a file that is half written from one that is short. The lease is given back at once: a
// writer that opens the file in between waits for microseconds.

import { lastErrno, libc } from './libc.ts';

const setSignal = 10;
const setLease = 1024;
const [readLease, unlock] = [0, 2];
/** What a broken lease sends; the default, SIGIO, would end the process, this one is ignored. */
const signalUrgent = 23;
const tryAgain = 11;

/** Null where it cannot be told: the file is somebody else's, or its file system has no leases. */
export function isOpenForWriting(descriptor: number): boolean | null {
  const system = libc();
  if (system === null || system.fcntl(descriptor, setSignal, signalUrgent) !== 0) return null;
  if (system.fcntl(descriptor, setLease, readLease) !== 0) return lastErrno() === tryAgain ? true : null;
  system.fcntl(descriptor, setLease, unlock);
  return false;
}
