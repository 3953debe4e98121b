// Bodies that a filter makes others of, piece by piece. A body that cannot be read is an outcome, never an exception
// that crosses the exchange; anything else that is thrown is a bug and stays one.

import type { Head } from '../../wire/index.ts';
import { responseFlags } from '../stats/index.ts';
import { type BodyTransform, TransformError } from './body-transform.ts';
import type { Denial, RequestState } from './request-state.ts';

export function transformed(
  transform: BodyTransform,
  bytes: Uint8Array,
  start: number,
  end: number,
): Uint8Array | TransformError {
  return attempted(() => transform.write(bytes, start, end));
}

export function transformedEnd(transform: BodyTransform, trailers: Head | null): Uint8Array | TransformError {
  return attempted(() => transform.end(trailers));
}

/** The client's fault; nobody is to have half of such a body. */
export function unreadableBody(error: TransformError): Denial {
  return {
    status: 400,
    body: error.message,
    flag: responseFlags.downstreamProtocolError,
    details: 'request_body_transform_failed',
    fields: [],
  };
}

export function closeTransforms(request: RequestState): void {
  request.requestTransform?.close();
  request.responseTransform?.close();
  request.requestTransform = null;
  request.responseTransform = null;
}

function attempted(make: () => Uint8Array): Uint8Array | TransformError {
  try {
    return make();
  } catch (error) {
    if (error instanceof TransformError) return error;
    throw error;
  }
}
