// Bounds of talking to an API server. The figures follow client-go's reflector where it has one.

export const kubeLimits = {
  /** Objects a page of a list; client-go's default. */
  pageSize: 500,
  /** A request that is not a watch must be answered in this time. */
  requestTimeoutMs: 30_000,
  /** A watch is asked to last this long, and up to twice that by chance, so that reconnections spread. */
  watchSeconds: 300,
  /** One that the server ends sooner than this counts as a failure, so that it is not asked in a loop. */
  watchShortMs: 10_000,
  /** Bookmarks come about once a minute: a watch that says nothing for this long has lost its connection. */
  watchSilentMs: 180_000,
  /** Everything is listed again this often, give or take a fifth: a lost event heals by itself. */
  relistMs: 1_800_000,
  /** A kind that the API server does not know (its CRD is not installed) is looked for again this often. */
  absentRetryMs: 10_000,
  /** First and longest pause after a failure; doubled each time, with full jitter. */
  backoffMs: 500,
  backoffMaxMs: 30_000,
  /** One event of a watch, one answer: etcd stores no object above 1.5 MB; a page holds many. */
  eventBytesMax: 16 * 1024 * 1024,
  answerBytesMax: 256 * 1024 * 1024,
  /** A token file is read again this often; the kubelet replaces it at 80 % of its life, an hour by default. */
  tokenReadMs: 60_000,
  /** An exec plugin must print its credential in this time. */
  execTimeoutMs: 30_000,
  /** A credential is fetched anew this long before it expires. */
  tokenMarginMs: 60_000,
} as const;

/** As client-go's leader election has it by default. */
export const leaseLimits = {
  /** Others take over when the lease has not been renewed for this long. */
  durationMs: 15_000,
  /** Who cannot renew for this long stops to lead. */
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
} as const;
