// Our control plane names clusters `namespace/service:port`; Envoy's statistics write `_` for the colon.

/** Null: not one of the control plane's clusters. */
export function serviceOfCluster(name: string): string | null {
  return /^([^/]+\/[^/]+)[:_]\d+$/.exec(name)?.[1] ?? null;
}
