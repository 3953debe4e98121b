// envoy.filters.http.grpc_web: what a browser sends and reads becomes a call of gRPC, and back.

import { createResponseHead, type Head, headerId, type ResponseHead } from '../../../wire/index.ts';
import type { ListenerFilterConfig } from '../../config/filter-types.ts';
import {
  type Answerer,
  type Authorizer,
  grpcStatusFor,
  isGrpc,
  type RequestState,
} from '../../exchange/index.ts';
import { configFor, type HttpFilter } from '../filter.ts';
import { TextDecoding, WebAnswer } from './web-frames.ts';

const binaryTypes: readonly string[] = ['application/grpc-web', 'application/grpc-web+proto'];
const textTypes: readonly string[] = ['application/grpc-web-text', 'application/grpc-web-text+proto'];

/** What is remembered of a request of gRPC-Web. */
type Form = 'binary' | 'text';

export class GrpcWebFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
  }

  samples() {
    return [];
  }

  authorize(request: RequestState): 'allow' {
    const { head } = request;
    const type = mediaType(head.get(headerId['content-type']));
    const text = textTypes.includes(type);
    if (!text && !binaryTypes.includes(type)) return 'allow';
    if (configFor(request, this.filter, 'grpc-web') === null) return 'allow';
    const form: Form = textTypes.includes(mediaType(head.getName('accept'))) ? 'text' : 'binary';
    request.slots[this.position] = form;
    replace(head, 'content-type', 'application/grpc');
    replace(head, 'te', 'trailers');
    replace(head, 'grpc-accept-encoding', 'identity,deflate,gzip');
    head.remove(headerId['content-length']);
    if (text && !request.requestEnded) request.transformRequest(new TextDecoding());
    return 'allow';
  }

  onAnswer(request: RequestState, head: ResponseHead, endStream: boolean): null {
    const form = request.slots[this.position] as Form | undefined;
    if (form === undefined) return null;
    const foreign = isGrpc(head) ? null : statusOf(head);
    replace(head, 'content-type', `application/grpc-web${form === 'text' ? '-text' : ''}+proto`);
    // An answer without messages has its status in its head, where clients look first.
    if (!endStream) {
      head.remove(headerId['content-length']);
      request.transformResponse(new WebAnswer(form === 'text', foreign));
    }
    return null;
  }
}

/** What an answer of HTTP alone means to a caller of gRPC. */
function statusOf({ status }: ResponseHead): Head {
  return createResponseHead(200, [
    ['grpc-status', `${grpcStatusFor(status, null)}`],
    ['grpc-message', `HTTP status ${status}`],
  ]);
}

function replace(head: Head, name: string, value: string): void {
  if (head.findName(name) >= 0) head.removeName(name);
  head.add(name, value);
}

function mediaType(value: string | null): string {
  return (value ?? '').split(';', 1)[0]!.trim();
}
