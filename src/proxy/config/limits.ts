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
  /** Largest file of resources, of a path_config_source. */
  fileBytesMax: 64 * 1024 * 1024,
  /** Largest file that is read back. */
  savedBytesMax: 256 * 1024 * 1024,
} as const;
