// Who may have a stream, and what one peer may make the server remember. No peer takes another's place: those that say
// nothing push each other out, what one subject has is bounded wherever it calls from, and where all places are taken
// it is the peer with the most streams that gives one up.

import {
  peerBytesMax,
  silentStreamsMax,
  streamsMax,
  streamsPerPeerMax,
  streamsPerSubjectMax,
} from '../limits.ts';

/** What admission needs of a stream. */
export interface AdmittedStream {
  readonly peer: string;
  /** Ends it because of a limit, which the text names. */
  evict(reason: string): void;
}

interface PeerAccount {
  readonly streams: Set<AdmittedStream>;
  bytes: number;
}

export class Admission {
  /** By address; the peers that a transport cannot tell apart are ''. */
  private readonly peers = new Map<string, PeerAccount>();
  /** Those without a first request, the oldest first. */
  private readonly silent = new Set<AdmittedStream>();
  /** By what was proven of them. */
  private readonly subjects = new Map<string, Set<AdmittedStream>>();
  private readonly subjectOf = new Map<AdmittedStream, string>();
  private streams = 0;

  get streamCount(): number {
    return this.streams;
  }

  /** Null: admitted, perhaps at the cost of another. Otherwise why not. */
  enter(stream: AdmittedStream): string | null {
    const own = this.peers.get(stream.peer)?.streams.size ?? 0;
    if (stream.peer !== '' && own >= streamsPerPeerMax)
      return `more than ${streamsPerPeerMax} streams of one peer`;
    if (this.streams >= streamsMax) {
      const largest = this.findLargest();
      const victim = largest === null ? undefined : [...largest].at(-1);
      if (largest === null || victim === undefined || largest.size <= own + 1)
        return `more than ${streamsMax} streams are open`;
      victim.evict(`more than ${streamsMax} streams are open, most of them this peer's`);
    }
    const account = this.peers.get(stream.peer) ?? { streams: new Set(), bytes: 0 };
    this.peers.set(stream.peer, account);
    account.streams.add(stream);
    this.streams += 1;
    this.silent.add(stream);
    if (this.silent.size > silentStreamsMax) {
      this.findQuietest()?.evict(`more than ${silentStreamsMax} streams wait for their first request`);
    }
    return null;
  }

  /** It said who it is, and proved it where `subject` is not null. Null: it may stay. Otherwise why not. */
  introduce(stream: AdmittedStream, subject: string | null): string | null {
    this.silent.delete(stream);
    if (subject === null) return null;
    const own = this.subjects.get(subject) ?? new Set();
    if (own.size >= streamsPerSubjectMax) return `more than ${streamsPerSubjectMax} streams of ${subject}`;
    own.add(stream);
    this.subjects.set(subject, own);
    this.subjectOf.set(stream, subject);
    return null;
  }

  /** False: the peer makes us remember more than it may, and nothing was added. */
  charge(stream: AdmittedStream, bytes: number): boolean {
    const account = this.peers.get(stream.peer);
    if (account === undefined) return true;
    if (stream.peer !== '' && bytes > 0 && account.bytes + bytes > peerBytesMax) return false;
    account.bytes += bytes;
    return true;
  }

  /** `bytes`: all that the stream was charged with. */
  leave(stream: AdmittedStream, bytes: number): void {
    const account = this.peers.get(stream.peer);
    if (account?.streams.delete(stream) !== true) return;
    this.streams -= 1;
    this.silent.delete(stream);
    account.bytes -= bytes;
    if (account.streams.size === 0) this.peers.delete(stream.peer);
    this.forgetSubject(stream);
  }

  private forgetSubject(stream: AdmittedStream): void {
    const subject = this.subjectOf.get(stream);
    if (subject === undefined) return;
    this.subjectOf.delete(stream);
    const own = this.subjects.get(subject);
    own?.delete(stream);
    if (own?.size === 0) this.subjects.delete(subject);
  }

  /** The oldest silent stream of the peer that has most of them: who opens many takes from himself. */
  private findQuietest(): AdmittedStream | null {
    const counts = new Map<string, number>();
    for (const { peer } of this.silent) counts.set(peer, (counts.get(peer) ?? 0) + 1);
    const most = Math.max(...counts.values());
    for (const stream of this.silent) if (counts.get(stream.peer) === most) return stream;
    return null;
  }

  private findLargest(): ReadonlySet<AdmittedStream> | null {
    let largest: ReadonlySet<AdmittedStream> | null = null;
    for (const { streams } of this.peers.values()) if (streams.size > (largest?.size ?? 0)) largest = streams;
    return largest;
  }
}
