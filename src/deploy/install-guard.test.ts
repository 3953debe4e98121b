import { expect, test } from 'bun:test';
import { createGuards } from './install-guard.ts';

interface Guard {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly ingress: readonly {
      readonly from?: readonly object[];
      readonly ports: readonly { port: number }[];
    }[];
  };
}

const guards = (webhook: boolean) =>
  createGuards({ namespace: 'mesh', revision: '', webhook }) as readonly Guard[];

test('pages of the control plane are for its own namespace, without agents, and for who watches', () => {
  const [control] = guards(false);
  const from = control?.spec.ingress.find(({ ports }) => ports.some(({ port }) => port === 15_014))?.from;
  expect(from).toEqual([
    { podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['weft-agent'] }] } },
    { namespaceSelector: { matchLabels: { 'weft.dev/monitoring': 'enabled' } } },
  ]);
});

test('xDS is for pods of every namespace, and for nobody outside', () => {
  const [control] = guards(false);
  const rule = control?.spec.ingress.find(({ ports }) => ports.some(({ port }) => port === 15_012));
  expect(rule?.from).toEqual([{ namespaceSelector: {} }]);
});

test('the webhook is asked from anywhere, at its port alone, where it is installed', () => {
  expect(guards(false).map(({ metadata }) => metadata.name)).toEqual(['weft-control']);
  const [open, ...others] = guards(true)[1]?.spec.ingress ?? [];
  expect(open).toEqual({ ports: [{ protocol: 'TCP', port: 15_017 }] } as never);
  expect(others.every(({ from }) => from !== undefined)).toBe(true);
});
