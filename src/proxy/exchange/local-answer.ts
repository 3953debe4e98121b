// What the configuration makes of an answer of the proxy's own (local_reply_config): another status, body or form of
// the body, and fields beside it. Nothing here runs where none is configured.

import { toBytes } from '../../observe/index.ts';
import type { HeaderEdits } from '../../policy/index.ts';
import type { LocalReplyConfig } from '../config/types.ts';
import { isGrpc } from './grpc.ts';
import { factsOf } from './request-facts.ts';
import type { RequestState } from './request-state.ts';

export interface LocalAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  /** '' leaves it to who answers. */
  readonly contentType: string;
  readonly edits: HeaderEdits | null;
}

/** The first mapper that takes the answer changes it; then it is put into its form. */
export function mapAnswer(
  config: LocalReplyConfig,
  request: RequestState,
  status: number,
  body: Uint8Array,
): LocalAnswer {
  // Mappers look at the status, and formats say it, before there is a head.
  request.status = status;
  const { random } = request.context;
  const mapper = config.mappers.find(({ filter }) => filter.admits(factsOf(request), random)) ?? null;
  const edits = mapper === null || mapper.edits === null ? null : render(mapper.edits, request);
  request.status = mapper?.status ?? status;
  const mapped = mapper?.body ?? body;
  const format = mapper?.format ?? config.format;
  if (format === null) return { status: request.status, body: mapped, contentType: '', edits };
  const said = Buffer.from(mapped.buffer, mapped.byteOffset, mapped.byteLength).toString('latin1');
  const made = format.format.format(factsOf(request, 'NotSet', said));
  const json = format.contentType === 'application/json';
  return {
    status: request.status,
    // The line feed of a JSON line is none of a gRPC message.
    body: Buffer.from(json && isGrpc(request.head) ? made.trimEnd() : made, 'latin1'),
    contentType: made === '' ? '' : toBytes(format.contentType),
    edits,
  };
}

/** Values say the status that the mapper found, as in Envoy, not the one that it set. */
function render(edits: HeaderEdits, request: RequestState): HeaderEdits {
  return edits.map((step) => {
    if (step.format === undefined) return step;
    const made = step.format.format(factsOf(request));
    return { ...step, format: { format: () => made } };
  });
}
