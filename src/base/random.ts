// Randomness as a passed-in value. The generator is seeded by its creator: with entropy in production, with the run's
// seed in simulation.

export interface Random {
  /** A uniform integer in [0, 2^32). */
  uint32(): number;
  /** A uniform number in [0, 1). */
  float(): number;
  /** A uniform integer in [0, bound), 1 <= bound <= 2^31. */
  below(bound: number): number;
}
