// Encodes the messages of an ADS stream. A response is a list of pieces: frames of resources that were encoded once and
// are shared by all streams that send them, and a few bytes around them. A push to a thousand proxies costs no encoding
// and, while it waits, no copy.

import { WireWriter } from '../protobuf/wire-writer.ts';
import { type Page, pageLength, pageOf } from '../snapshot/pages.ts';
import type { AdsVariant, XdsNode, XdsResource } from '../types.ts';
import { type DeltaRequest, nackCode, type SotwRequest, wrappedResourceType } from './messages.ts';
import { encodeNode } from './node.ts';

export function encodeSotwRequest(request: SotwRequest): Uint8Array {
  const writer = new WireWriter();
  writer.string(1, request.version);
  writeNode(writer, 2, request.node);
  for (const name of request.names) writer.element(3, name);
  writer.string(4, request.typeUrl);
  writer.string(5, request.nonce);
  writeError(writer, 6, request.error);
  return writer.finish();
}

export function encodeDeltaRequest(request: DeltaRequest): Uint8Array {
  const writer = new WireWriter();
  writeNode(writer, 1, request.node);
  writer.string(2, request.typeUrl);
  for (const name of request.subscribe) writer.element(3, name);
  for (const name of request.unsubscribe) writer.element(4, name);
  for (const [name, version] of request.initialVersions) {
    const entry = new WireWriter();
    entry.string(1, name);
    entry.string(2, version);
    writer.bytes(5, entry.finish());
  }
  writer.string(6, request.nonce);
  writeError(writer, 7, request.error);
  return writer.finish();
}

function writeNode(writer: WireWriter, field: number, node: XdsNode | null): void {
  if (node !== null) writer.bytes(field, encodeNode(node));
}

function writeError(writer: WireWriter, field: number, error: string | null): void {
  if (error === null) return;
  const status = new WireWriter();
  status.uint(1, nackCode);
  status.string(2, error);
  writer.bytes(field, status.finish());
}

/** `ttlMs`: how long what it holds is good for, unless it is renewed; 0: for ever. */
export function encodeSotwResponse(
  typeUrl: string,
  version: string,
  nonce: string,
  resources: Content,
  ttlMs = 0,
): readonly Uint8Array[] {
  const tail = new WireWriter();
  tail.string(4, typeUrl);
  tail.string(5, nonce);
  return [versionField(version), ...framesOf(resources, formOf('sotw', ttlMs)), tail.finish()];
}

function versionField(version: string): Uint8Array {
  const writer = new WireWriter(64);
  writer.string(1, version);
  return writer.finish();
}

export function encodeDeltaResponse(
  typeUrl: string,
  version: string,
  nonce: string,
  resources: Content,
  removed: readonly string[],
  absent: readonly string[] = [],
  ttlMs = 0,
): readonly Uint8Array[] {
  const tail = new WireWriter();
  for (const name of absent) tail.bytes(2, encodeAbsent(name, nonce));
  tail.string(4, typeUrl);
  tail.string(5, nonce);
  for (const name of removed) tail.element(6, name);
  return [versionField(version), ...framesOf(resources, formOf('delta', ttlMs)), tail.finish()];
}

/**
 * A resource without content: there is none of this name. Envoy takes it for a fault where it has no aliases, and for a
 * sign of life where it has the version that is known already.
 */
function encodeAbsent(name: string, version: string): Uint8Array {
  const resource = new WireWriter(smallBytes);
  resource.string(1, version);
  resource.string(3, name);
  resource.element(4, name);
  return resource.finish();
}

/** What a response holds; pages, where that is how it was selected. */
type Content = readonly XdsResource[] | readonly Page[];

/** One kind of response: how it says a resource, and what was said already. */
interface Form {
  readonly encode: (resource: XdsResource) => readonly Uint8Array[];
  readonly frames: WeakMap<XdsResource, Uint8Array>;
  /** Frames in a row that are one piece. */
  readonly pages: WeakMap<Page, Uint8Array>;
  /** Those that are not known to be shared, once they were sent. */
  readonly sent: WeakSet<Page>;
}

function createForm(encode: Form['encode']): Form {
  return { encode, frames: new WeakMap(), pages: new WeakMap(), sent: new WeakSet() };
}

const forms = {
  sotw: createForm(encodeAny),
  delta: createForm((resource) => encodeResource(resource, 0)),
};
/** With a time to live; there are as many as a server is told of. */
const timedForms = new Map<string, Form>();

function formOf(variant: AdsVariant, ttlMs: number): Form {
  if (ttlMs === 0) return forms[variant];
  const key = `${variant} ${ttlMs}`;
  let form = timedForms.get(key);
  if (form === undefined) {
    form = createForm((resource) =>
      variant === 'delta' ? encodeResource(resource, ttlMs) : wrap(encodeResource(resource, ttlMs)),
    );
    timedForms.set(key, form);
  }
  return form;
}

/**
 * Pictures are pieces of some sixty frames, put together once: a thousand clients that come together would else send
 * millions of small ones.
 */
function framesOf(content: Content, form: Form): readonly Uint8Array[] {
  if (isPaged(content)) return content.flatMap((page) => pieceOf(page, form));
  if (content.length < pageLength) return content.map((resource) => frameOf(resource, form));
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < content.length; from += pageLength)
    pieces.push(...piecesOf(content.slice(from, from + pageLength), form));
  return pieces;
}

function isPaged(content: Content): content is readonly Page[] {
  const [first] = content;
  return first !== undefined && 'members' in first;
}

function piecesOf(members: readonly XdsResource[], form: Form): readonly Uint8Array[] {
  return members.length < pageLength
    ? members.map((resource) => frameOf(resource, form))
    : pieceOf(pageOf(members), form);
}

function pieceOf(page: Page, form: Form): readonly Uint8Array[] {
  const { members, shared } = page;
  let bytes = form.pages.get(page);
  if (bytes === undefined && !shared && !form.sent.has(page)) {
    form.sent.add(page);
    return members.map((resource) => frameOf(resource, form));
  }
  if (bytes === undefined) {
    bytes = joinPieces(members.map((resource) => frameOf(resource, form)));
    form.pages.set(page, bytes);
    // The frames by themselves are views of it from now on, not held twice.
    let at = 0;
    for (const member of members) {
      const frame = frameOf(member, form);
      moveContent(member, frame, bytes.subarray(at, at + frame.length));
      form.frames.set(member, bytes.subarray(at, at + frame.length));
      at += frame.length;
    }
  }
  return [bytes];
}

/** A resource whose content is a part of `frame` has it in `view`, which is the same. */
function moveContent(resource: XdsResource, frame: Uint8Array, view: Uint8Array): void {
  if (resource.keepIn === undefined) return;
  const { buffer, byteOffset, length } = resource.bytes;
  const from = byteOffset - frame.byteOffset;
  if (buffer === frame.buffer) resource.keepIn(view.subarray(from, from + length));
}

/** The resource as one element of a response's `resources`, tag and length included. */
function frameOf(resource: XdsResource, form: Form): Uint8Array {
  const known = form.frames.get(resource);
  if (known !== undefined) return known;
  const pieces = form.encode(resource);
  const frame = encodeFrame(pieces);
  form.frames.set(resource, frame);
  if (resource.keepIn !== undefined) {
    const { bytes } = resource;
    const end = frame.length - lengthOf(pieces.slice(pieces.indexOf(bytes) + 1));
    resource.keepIn(frame.subarray(end - bytes.length, end));
  }
  return frame;
}

/** envoy.service.discovery.v3.Resource. */
function encodeResource(resource: XdsResource, ttlMs: number): readonly Uint8Array[] {
  const any = encodeAny(resource);
  const head = new WireWriter(smallBytes);
  head.string(1, resource.version);
  head.prefix(2, lengthOf(any));
  const tail = new WireWriter(smallBytes);
  tail.string(3, resource.name);
  for (const alias of resource.aliases ?? []) tail.element(4, alias);
  writeTtl(tail, ttlMs);
  return [head.finish(), ...any, tail.finish()];
}

/** google.protobuf.Duration, of whole milliseconds. */
function writeTtl(writer: WireWriter, ttlMs: number): void {
  if (ttlMs === 0) return;
  const duration = new WireWriter(smallBytes);
  duration.uint(1, Math.floor(ttlMs / 1000));
  duration.uint(2, (ttlMs % 1000) * 1_000_000);
  writer.bytes(6, duration.finish());
}

/** What only a wrapper can say travels so in SotW. */
function wrap(resource: readonly Uint8Array[]): readonly Uint8Array[] {
  const head = new WireWriter(smallBytes);
  head.string(1, wrappedResourceType);
  head.prefix(2, lengthOf(resource));
  return [head.finish(), ...resource];
}

/**
 * Says that what the client has is good for so long again: its name and version without its content. In SotW the
 * version is that of the last response, as Envoy reads it.
 */
export function encodeHeartbeats(
  variant: AdsVariant,
  { typeUrl, version, nonce }: { readonly typeUrl: string; readonly version: string; readonly nonce: string },
  held: readonly XdsResource[],
  ttlMs: number,
): readonly Uint8Array[] {
  const writer = new WireWriter(held.length * smallBytes);
  writer.string(1, version);
  for (const resource of held) {
    const beat = new WireWriter(smallBytes);
    beat.string(1, variant === 'delta' ? resource.version : version);
    beat.string(3, resource.name);
    writeTtl(beat, ttlMs);
    writer.bytes(2, variant === 'delta' ? beat.finish() : joinPieces(wrap([beat.finish()])));
  }
  writer.string(4, typeUrl);
  writer.string(5, nonce);
  return [writer.finish()];
}

/** What resources and pages add to a response; splitting counts by it. */
export const sotwWeights = weightsOf(forms.sotw);
export const deltaWeights = weightsOf(forms.delta);

function weightsOf(form: Form) {
  return {
    ofResource: (resource: XdsResource): number => frameOf(resource, form).length,
    ofPage: (page: Page): number =>
      form.pages.get(page)?.length ??
      page.members.reduce((sum, member) => sum + frameOf(member, form).length, 0),
  };
}

/** Room for what stands around a resource; it grows where it must. */
const smallBytes = 128;

/** Around the bytes, which are copied once: of pictures of a large mesh each copy is tens of megabytes. */
function encodeFrame(message: readonly Uint8Array[]): Uint8Array {
  const head = new WireWriter(smallBytes);
  head.prefix(2, lengthOf(message));
  return joinPieces([head.finish(), ...message]);
}

function encodeAny({ typeUrl, bytes }: XdsResource): readonly Uint8Array[] {
  const head = new WireWriter(smallBytes);
  head.string(1, typeUrl);
  head.prefix(2, bytes.length);
  return [head.finish(), bytes];
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
}

/** The message as one. */
export function joinPieces(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const all = new Uint8Array(lengthOf(pieces));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
