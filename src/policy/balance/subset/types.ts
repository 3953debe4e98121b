// What a cluster says of its subsets (Cluster.LbSubsetConfig, and the extension of the same fields): which keys of the
// endpoints' labels make them, and where requests go that fit none.

/** Plain values of a google.protobuf.Struct. */
export type Labels = Readonly<Record<string, unknown>>;

export interface SubsetConfig {
  /** In the order in which a request is compared with them; none has the keys of another. */
  readonly selectors: readonly SubsetSelector[];
  readonly fallback: 'none' | 'any' | 'default';
  /** What an endpoint's labels must say for it to be of the default subset. */
  readonly defaultSubset: Labels;
  /** Localities are weighted within a subset too, as far as the cluster's are. */
  readonly weighsLocalities: boolean;
  /** A locality counts for as much less as a subset has fewer of its endpoints. */
  readonly scalesLocalities: boolean;
  /** Where the fallback has nobody: anybody. */
  readonly panicAny: boolean;
  /** An endpoint whose label is a list has each of its values. */
  readonly listAsAny: boolean;
  /** A request's `fallback_list` says what else to look for. */
  readonly fallbackList: boolean;
  /** What a request says beyond the keys of a selector counts for nothing. */
  readonly redundantKeys: boolean;
}

export interface SubsetSelector {
  /** Sorted, each once. */
  readonly keys: readonly string[];
  /** Of each subset its first endpoint alone is used, whatever its health. */
  readonly singleHost: boolean;
  /** Of requests with these keys that fit none of its subsets; inherit: the cluster's. */
  readonly fallback: 'inherit' | 'none' | 'any' | 'default' | 'keys';
  /** keys: of these alone. Sorted. */
  readonly fallbackKeys: readonly string[];
}
