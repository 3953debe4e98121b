// Bounds of reading manifests, and how long changes are gathered before the model is built again.

export const sourceLimits = {
  /**
   * A manifest file above this is refused whole: reading it would hold everything else up. Kubernetes stores no object
   * above 1.5 MB.
   */
  fileBytesMax: 2 * 1024 * 1024,
  /** Expansion of YAML aliases in one file: a small file must not become a huge one. */
  aliasesMax: 100,
  /**
   * A file that was emptied must stay like that for this long before its objects go: some programs truncate it, and
   * open it again to write. The same holds for a file that lost objects where nobody can say who is writing.
   */
  shrinkQuietMs: 3_000,
  /** A file that somebody has open for writing is looked at this often … */
  openPollMs: 100,
  /** … is named as such when it has been the same for this long … */
  openTellMs: 3_000,
  /** … and is taken as it is after this: whoever holds it has forgotten it. */
  openMaxMs: 60_000,
  /** Files are read again this often even when nothing was reported: a lost notification heals by itself. */
  resyncMs: 30_000,
} as const;

export const batchLimits = {
  /** Endpoints go on at once, but not sooner than this after others did: each push is work for a thousand streams. */
  urgentGapMs: 20,
  /** Changes other than endpoints wait until nothing came for this long … */
  quietMs: 50,
  /** … but never longer than this, so that a steady stream of changes cannot hold them up. */
  holdMaxMs: 500,
} as const;
