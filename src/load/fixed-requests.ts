// The request maker of the command line: a weighted list of requests, drawn at random, each head made once.

import type { Random } from '../base/index.ts';
import { createRequestHead, type RequestHead } from '../wire/index.ts';
import type { LoadCall, LoadRequest, RequestMaker } from './types.ts';

export interface FixedRequest {
  readonly target: number;
  /** What `:scheme` says. */
  readonly secure: boolean;
  readonly method: string;
  readonly authority: string;
  /** Path with query. */
  readonly path: string;
  /** Lower-case names, without host and content-length. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | null;
  readonly call: LoadCall | null;
  /** 1 or more. */
  readonly weight: number;
  /** Adds an `idempotency-key` of its own to every request. */
  readonly idempotencyKey: boolean;
  readonly expects: (status: number) => boolean;
}

/** `run` starts every idempotency key, so that two runs never share one. */
export function createFixedRequests(
  requests: readonly FixedRequest[],
  run: string,
  random: Random,
): RequestMaker {
  return new FixedRequests(requests, run, random);
}

class FixedRequests implements RequestMaker {
  private readonly requests: readonly FixedRequest[];
  private readonly made: readonly LoadRequest[];
  private readonly weightSum: number;
  private readonly run: string;
  private readonly random: Random;

  constructor(requests: readonly FixedRequest[], run: string, random: Random) {
    this.requests = requests;
    this.run = run;
    this.random = random;
    this.weightSum = requests.reduce((sum, { weight }) => sum + weight, 0);
    this.made = requests.map((request) => makeRequest(request, createHead(request, [])));
  }

  next(sequence: number): LoadRequest {
    const index = this.requests.length === 1 ? 0 : this.draw();
    const request = this.requests[index]!;
    if (!request.idempotencyKey) return this.made[index]!;
    return makeRequest(request, createHead(request, [['idempotency-key', `${this.run}-${sequence}`]]));
  }

  private draw(): number {
    let target = this.random.float() * this.weightSum;
    for (let index = 0; index < this.requests.length - 1; index++) {
      target -= this.requests[index]!.weight;
      if (target < 0) return index;
    }
    return this.requests.length - 1;
  }
}

function createHead(request: FixedRequest, more: readonly (readonly [string, string])[]): RequestHead {
  const length =
    request.body === null || request.call !== null
      ? []
      : [['content-length', String(request.body.length)] as const];
  const { method, authority, path, headers, secure } = request;
  const fields = [...headers, ...length, ...more];
  return createRequestHead(method, authority, path, fields, { scheme: secure ? 'https' : '', version: 1 });
}

function makeRequest({ target, body, expects, call }: FixedRequest, head: RequestHead): LoadRequest {
  return { target, head, body, expects, call };
}
