// Files that lie beside manifests and are none: what kustomize and Helm are steered by. They are left alone, and that
// is said.

const names = /(^|\/)(kustomization|Kustomization|Chart|values[\w.-]*)\.(yaml|yml|json)$/;

export function isForeignFile(path: string): boolean {
  return names.test(path);
}
