// Ports and names that the deployed mesh uses: those that people of this field already exclude, scrape and open.

export const meshPorts = {
  outbound: 15_001,
  inbound: 15_006,
  admin: 15_000,
  readiness: 15_021,
  agent: 4140,
  /** Over TLS; in plain text the control plane serves itself alone, on 15010. */
  xds: 15_012,
  controlAdmin: 15_014,
  webhook: 15_017,
  /** Readiness and metrics of the CNI plugin's agent, on its node's loopback. */
  cni: 15_023,
} as const;

/** The proxy's user: what it sends is not captured again. */
export const proxyUser = 1337;

/** An AdmissionReview with its pod; etcd takes objects of 1.5 MB. */
export const reviewBytesMax = 4 * 1024 * 1024;

/** Of the control plane: each holds all of the mesh, and one alone writes. */
export const installReplicasMax = 20;
