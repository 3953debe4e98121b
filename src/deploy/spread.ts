// Replicas on nodes of their own as far as there are any: a node that goes takes one of them, not all.

export function spreadOverNodes(matchLabels: Readonly<Record<string, string>>): readonly object[] {
  return [
    {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels },
    },
  ];
}
