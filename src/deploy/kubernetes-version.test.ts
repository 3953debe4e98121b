import { expect, test } from 'bun:test';
import { hasNativeSidecars, parseKubernetesVersion } from './kubernetes-version.ts';

test.each<[text: string, native: boolean | null]>([
  ['1.28', false],
  ['v1.28.15', false],
  ['v1.28.3+k3s1', false],
  ['v1.27.3-gke.100', false],
  ['1.29', true],
  ['v1.37.2', true],
  ['2.0', true],
  ['', null],
  ['1', null],
  ['1.x', null],
  ['1.29x', null],
])('version %p', (text, native) => {
  const version = parseKubernetesVersion(text);
  expect(version === null ? null : hasNativeSidecars(version)).toBe(native);
});
