// The exact binomial interval that says whether an observed traffic split is the configured one. Exact, because the
// normal approximation is wrong where weights are small.

/** Natural logarithms of 0! to n!. */
function logFactorials(n: number): Float64Array {
  const table = new Float64Array(n + 1);
  for (let k = 2; k <= n; k++) table[k] = table[k - 1]! + Math.log(k);
  return table;
}

export interface BinomialBound {
  readonly low: number;
  readonly high: number;
}

/**
 * The central interval of successes among `n` draws of probability `p`: each tail outside holds at most (1 -
 * confidence) / 2. `n` up to about a million.
 */
export function binomialBound(n: number, p: number, confidence: number): BinomialBound {
  if (p <= 0) return { low: 0, high: 0 };
  if (p >= 1) return { low: n, high: n };
  const tail = (1 - confidence) / 2;
  const logs = logFactorials(n);
  const probability = (k: number) =>
    Math.exp(logs[n]! - logs[k]! - logs[n - k]! + k * Math.log(p) + (n - k) * Math.log1p(-p));

  let low = 0;
  for (let below = probability(0); below <= tail && low < n; below += probability(low)) low++;
  let high = n;
  for (let above = probability(n); above <= tail && high > 0; above += probability(high)) high--;
  return { low, high };
}
