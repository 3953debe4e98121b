// Named bounds of configuration: how long the proxy waits for what a resource refers to, and when it falls back.

export const configLimits = {
  /**
   * A removed cluster stays this long while an active route names it: servers may send the removal before the new
   * route.
   */
  removedClusterHoldMs: 15_000,
  /** How long the control plane may keep a starting proxy waiting before the last good configuration is used. */
  restoreAfterMs: 1_000,
  /** Restored resources that the control plane does not confirm go this long after its first answer. */
  restoredGraceMs: 5_000,
  /** How often a starting proxy looks whether everything it asked for was answered. */
  checkMs: 100,
  /** Quiet time before the last good configuration is written: endpoint changes come in bursts. */
  saveAfterMs: 500,
  /** And at least this between two writes, however much changes. */
  saveEveryMs: 5_000,
  /** So much of it is made in one turn: about a tenth of a millisecond. */
  saveSliceBytes: 64 * 1024,
  /** What is larger is written whole seldom, and its changes behind it. */
  savedWholeBytesMax: 256 * 1024,
  /** Largest file of resources, of a path_config_source. */
  fileBytesMax: 64 * 1024 * 1024,
  /** Largest file that is read back. */
  savedBytesMax: 256 * 1024 * 1024,
} as const;

/** Of virtual hosts that requests ask for; of clusters the same again. */
export const demandLimits = {
  /** A request waits this long for its virtual host, then it is answered 503; for a cluster as its filter says. */
  waitMs: 5_000,
  /** Requests that wait; more are answered 503. Of this and the next no one caller has more than half. */
  waitersMax: 10_000,
  /** Names that the control plane was asked for and has not answered; a request of another one is answered 503. */
  askedMax: 1_000,
  /** Names altogether, absent ones included; for one more the one used longest ago is let go. */
  namesMax: 10_000,
  /** Characters of an authority that is asked for; there is no host of a longer one. */
  hostCharsMax: 512,
  /** Characters of a cluster's name that is asked for. */
  clusterCharsMax: 1_024,
  /** That there is none of a name, or none that can be used, is remembered this long. */
  absentMs: 60_000,
  /** What no request used for this long is let go. */
  idleMs: 600_000,
  /** Looked after this often. */
  sweepMs: 30_000,
} as const;
