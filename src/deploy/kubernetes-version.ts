// Which Kubernetes pods are made for: containers that start before the application and end after it (native sidecars)
// are there from 1.29 on.

export interface KubernetesVersion {
  readonly major: number;
  readonly minor: number;
}

/** `1.28`, `v1.28.3`, and what distributions add (`v1.28.3+k3s1`, minor `28+`); null for anything else. */
export function parseKubernetesVersion(text: string): KubernetesVersion | null {
  const [, major, minor] = /^v?(\d{1,3})\.(\d{1,3})(?:[.+-]|$)/.exec(text.trim()) ?? [];
  return major === undefined ? null : { major: Number(major), minor: Number(minor) };
}

/** The feature gate SidecarContainers is on by default. */
export function hasNativeSidecars({ major, minor }: KubernetesVersion): boolean {
  return major > 1 || (major === 1 && minor >= 29);
}
