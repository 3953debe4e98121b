/** What a pod may say. `weft.dev/inject: "false"` leaves it alone, as an annotation or a label. */
export const annotations = {
  inject: 'weft.dev/inject',
  outboundPorts: 'weft.dev/outbound-ports',
  inboundPorts: 'weft.dev/inbound-ports',
  skipPorts: 'weft.dev/skip-ports',
  skipCidrs: 'weft.dev/skip-cidrs',
  skipInterfaces: 'weft.dev/skip-interfaces',
  application: 'weft.dev/application',
  calls: 'weft.dev/calls',
  cpu: 'weft.dev/proxy-cpu',
  memory: 'weft.dev/proxy-memory',
  cpuLimit: 'weft.dev/proxy-cpu-limit',
  memoryLimit: 'weft.dev/proxy-memory-limit',
  logLevel: 'weft.dev/log-level',
  /** Set by us. */
  status: 'weft.dev/injected',
  /** Set by us: the ServicePolicies by which its sidecar is as it is. */
  policies: 'weft.dev/sidecar-policies',
  /** Set by us: why it has no sidecar, where the pod did not ask for that. */
  notInjected: 'weft.dev/not-injected',
} as const;
