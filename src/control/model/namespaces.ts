// Labels of namespaces, and which of them a selector means.

import type { FromNamespaces, LabelSelector } from '../schema/gateway.ts';
import type { ResourceIndex } from './index-resources.ts';

type Labels = Readonly<Record<string, string>>;
type Operator = LabelSelector['matchExpressions'][number]['operator'];

export class NamespaceLabels {
  private readonly labels = new Map<string, Labels>();

  constructor(index: ResourceIndex) {
    for (const { metadata } of index.all('Namespace')) this.labels.set(metadata.name, metadata.labels);
  }

  /** What is in `home` lets something of `namespace` attach to it. */
  admits({ from, selector }: FromNamespaces, home: string, namespace: string): boolean {
    switch (from) {
      case 'All':
        return true;
      case 'Same':
        return home === namespace;
      case 'Selector':
        return selector !== undefined && this.matches(selector, namespace);
      case 'None':
        return false;
    }
  }

  /** A namespace that nobody wrote down has the one label that Kubernetes gives every namespace. */
  matches(selector: LabelSelector, namespace: string): boolean {
    return matchesLabels(selector, {
      ...this.labels.get(namespace),
      'kubernetes.io/metadata.name': namespace,
    });
  }
}

export function matchesLabels({ matchLabels, matchExpressions }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => holds(operator, values, labels[key]))
  );
}

function holds(operator: Operator, values: readonly string[], value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
