// Does a request to an admin port come from a page of another site? A browser can be led there by a link, or under a
// name that its owner turns to our address (DNS rebinding); the Host and Origin it sends give it away.

/** Null: take it. Otherwise the sentence to answer 403 with. `host` and `origin` are the headers, null where absent. */
export function refuseForeign(host: string | null, origin: string | null): string | null {
  const name = /^(\[[0-9a-f:.]+\]|[^:/?#@\s]+)(?::\d{1,5})?$/i.exec(host ?? '')?.[1]?.toLowerCase();
  if (name === undefined) return 'the Host header names no host';
  if (!isOurs(name)) return `the Host ${name} is none that a public name server cannot give away`;
  // A page asks for its own origin, a tool for none.
  if (origin !== null && origin !== `http://${host}` && origin !== `https://${host}`)
    return `pages of ${origin.slice(0, 200)} may not ask`;
  return null;
}

/** Addresses, names without a dot, and names of this machine or of a cluster: nobody outside can own these. */
function isOurs(name: string): boolean {
  if (name.startsWith('[') || /^\d{1,3}(\.\d{1,3}){3}$/.test(name)) return true;
  return !name.includes('.') || /\.(localhost|svc|cluster\.local|internal)$/.test(name);
}
