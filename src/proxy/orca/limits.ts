// Bounds of what endpoints may say of their load.

export const orcaLimits = {
  /** Of the field that holds a report; a longer one is refused unread. */
  reportBytesMax: 16 * 1024,
  /** Figures that one report may name; with more it is refused. */
  metricsMax: 128,
  /** Code units of such a name; with a longer one the report is refused. */
  nameLengthMax: 256,
  /** Sums only grow: a figure beyond this, either way, would be all that is left of one. The report is refused. */
  figureMax: 1e15,
  /** Names that are summed for one endpoint; figures under further ones are left out, and counted. */
  namesMax: 128,
} as const;
