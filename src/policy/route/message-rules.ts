// What a configuration may write into messages: one judge for the control plane, which refuses at the object, and for
// the proxy, which would otherwise refuse everything that was sent along. The codec asserts what it writes, so a bad
// text found at a request would end the process. Each function gives the rule that is broken, as a sentence, or null.

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const fieldValue = /^[\t\x20-\x7e]*$/;
// What our own parser accepts: a target in origin form, a Host, a scheme (RFC 9112 section 3.2, RFC 3986 section 3.1).
const requestPath = /^\/[\x21\x22\x24-\x7e]*$/;
const locationPath = /^\/[\x21-\x7e]*$/;
const host = /^(?:[0-9A-Za-z._~-]+|\[[0-9A-Fa-f:.]{2,}\])(?::([0-9]{1,5}))?$/;
const schemeName = /^[A-Za-z][0-9A-Za-z+.-]*$/;

/** Fields that frame the message or steer the connection belong to the codec. */
const framing: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'te',
  'trailer',
]);

/** Of a field that a route sets, adds or removes. */
export function editedHeaderFault(name: string): string | null {
  const lower = name.toLowerCase();
  if (lower === 'host' || lower.startsWith(':'))
    return 'must not be host or start with a colon (host_rewrite_literal sets the authority)';
  if (!token.test(lower)) return 'must be a header name';
  return framing.has(lower) ? 'must not be a framing header' : null;
}

/** Envoy writes UTF-8, others read Latin-1: text beyond ASCII has no one meaning in a header, so it is refused. */
export function fieldValueFault(value: string): string | null {
  return fieldValue.test(value) ? null : 'must be printable ASCII, spaces and tabs';
}

/** Of a path, or the start of one, that requests are sent on with. */
export function requestPathFault(value: string): string | null {
  return requestPath.test(value) ? null : 'must start with a slash and be visible ASCII without #';
}

/** The same for a Location, which may have a fragment. Without the slash it would become part of the host. */
export function locationPathFault(value: string): string | null {
  return locationPath.test(value) ? null : 'must start with a slash and be visible ASCII';
}

export function authorityFault(value: string): string | null {
  const match = host.exec(value);
  return match === null || Number(match[1] ?? 0) > 65_535 ? 'must be a host with an optional port' : null;
}

export function schemeFault(value: string): string | null {
  return schemeName.test(value) ? null : 'must be a scheme';
}
