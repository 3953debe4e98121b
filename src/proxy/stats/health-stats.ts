// Counts of a cluster's active health checks.

export class HealthStats {
  attempts = 0;
  successes = 0;
  failures = 0;
  /** Of the failures: what answers to requests said; and no connection, a reset, no answer in time. */
  passiveFailures = 0;
  networkFailures = 0;
}
