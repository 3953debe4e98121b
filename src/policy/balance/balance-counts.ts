// What is counted of choosing: kept by the cluster, because balancers come and go with its configuration.

export class BalanceCounts {
  /** Picks in a priority that is in panic. */
  panics = 0;
  /** Zone-aware routing: how often it was planned, and why requests went anywhere instead. */
  zonesPlanned = 0;
  zonesTooSmall = 0;
  localNotOk = 0;
  /**
   * Picks by it: all stay, this one was among those that stay, went elsewhere, and nobody elsewhere had anything to
   * spare.
   */
  zonesDirect = 0;
  zonesSampled = 0;
  zonesCrossed = 0;
  zonesNoCapacity = 0;
  /** Subsets: there are now, came, and went. */
  subsetsActive = 0;
  subsetsCreated = 0;
  subsetsRemoved = 0;
  /** Picks in a subset of the request's own, in the cluster's fallback, and among all because that had nobody. */
  subsetsSelected = 0;
  subsetsFallback = 0;
  subsetsFallbackPanic = 0;
  /** Endpoints left out of subsets that have one endpoint each. */
  subsetDuplicates = 0;
  /** Subsets that were not made because there were too many. */
  subsetsRefused = 0;
}
