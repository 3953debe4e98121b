// Counts of what a cluster's endpoints reported of their load.

export class ReportCounts {
  taken = 0;
  /** They were no reports, or over a bound. */
  refused = 0;
  /** Figures under more names than are summed for one endpoint. */
  namesLeftOut = 0;
}
