// Texts of the configuration that are written into messages. The codec asserts what it writes, which ends the process at the request that
// meets a bad text; here it is a fault of the field, found before anything is put into force.

import type { Faults } from '../schema/index.ts';

const fieldValue = /^[\t\x20-\x7e]*$/;
// What our own parser accepts: a target in origin form, a Host, a scheme (RFC 9112 section 3.2, RFC 3986 section 3.1).
const requestPath = /^\/[\x21\x22\x24-\x7e]*$/;
const locationPath = /^\/[\x21-\x7e]*$/;
const host = /^(?:[0-9A-Za-z._~-]+|\[[0-9A-Fa-f:.]{2,}\])(?::([0-9]{1,5}))?$/;
const schemeName = /^[A-Za-z][0-9A-Za-z+.-]*$/;

/** Envoy writes UTF-8, others read Latin-1: text beyond ASCII has no one meaning in a header, so it is refused. */
export function checkFieldValue(value: string, path: string, faults: Faults): void {
  if (!fieldValue.test(value)) faults.add(path, 'must be printable ASCII, spaces and tabs', value);
}

/** A path, or the start of one, that requests are sent on with. */
export function checkRequestPath(value: string, path: string, faults: Faults): void {
  if (!requestPath.test(value))
    faults.add(path, 'must start with a slash and be visible ASCII without #', value);
}

/** The same for a Location, which may have a fragment. Without the slash it would become part of the host. */
export function checkLocationPath(value: string, path: string, faults: Faults): void {
  if (!locationPath.test(value)) faults.add(path, 'must start with a slash and be visible ASCII', value);
}

export function checkAuthority(value: string, path: string, faults: Faults): void {
  const match = host.exec(value);
  if (match === null || Number(match[1] ?? 0) > 65535)
    faults.add(path, 'must be a host with an optional port', value);
}

export function checkScheme(value: string, path: string, faults: Faults): void {
  if (!schemeName.test(value)) faults.add(path, 'must be a scheme', value);
}
