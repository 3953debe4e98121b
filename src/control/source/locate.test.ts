import { expect, test } from 'bun:test';
import { lineOfField } from './locate.ts';

const text = `a: 1
---
kind: X
spec:
  rules:
    - name: a
      weight: 1
    - name: b
      weight: 2
---
kind: List
items:
  - kind: Y
    spec: { portValue: 1 }
`;

test.each([
  [3, 'spec.rules[1].weight', 9],
  [3, 'spec.rules[0]', 6],
  [3, 'spec.missing', 4],
  [3, '', 3],
  [13, 'spec.port_value', 14],
  [0, 'a', 1],
  [99, 'a', 99],
])('object of line %d, field %s', (line, field, expected) => {
  expect(lineOfField(text, line, field)).toBe(expected);
});
