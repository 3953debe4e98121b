import { expect, test } from 'bun:test';
import { matchesLabels } from './namespaces.ts';

const labels = { team: 'edge', stage: 'live' };
const nothing = { matchLabels: {}, matchExpressions: [] };

test.each([
  ['nothing asked', nothing, true],
  ['a label', { ...nothing, matchLabels: { team: 'edge' } }, true],
  ['a label of another value', { ...nothing, matchLabels: { team: 'core' } }, false],
  ['two labels, one wrong', { ...nothing, matchLabels: { team: 'edge', stage: 'test' } }, false],
  ...(
    [
      ['In', ['edge'], true],
      ['In', ['core'], false],
      ['NotIn', ['core'], true],
      ['NotIn', ['edge'], false],
      ['Exists', [], true],
      ['DoesNotExist', [], false],
    ] as const
  ).map(
    ([operator, values, expected]) =>
      [
        `${operator} ${values.join()}`,
        { ...nothing, matchExpressions: [{ key: 'team', operator, values: [...values] }] },
        expected,
      ] as const,
  ),
  [
    'NotIn of a label that is not there',
    { ...nothing, matchExpressions: [{ key: 'x', operator: 'NotIn' as const, values: ['y'] }] },
    true,
  ],
] as const)('%s', (_, selector, expected) => {
  expect(matchesLabels(selector as Parameters<typeof matchesLabels>[0], labels)).toBe(expected);
});
