// What an authorization service says of a request, whichever way it was asked.

import type { RequestState } from '../../exchange/index.ts';

export type FieldLine = readonly [name: string, value: string];

/** One edit of a head: as HeaderValueOption.append_action has it. */
export interface FieldEdit {
  readonly name: string;
  readonly value: string;
  /** `append`: to what is there, else nothing; `replace`: what is there, else nothing. */
  readonly action: 'add' | 'add-if-absent' | 'set' | 'replace' | 'append';
}

export interface Permission {
  readonly kind: 'ok';
  readonly request: readonly FieldEdit[];
  readonly removed: readonly string[];
  /** Of the answer to the client. */
  readonly response: readonly FieldEdit[];
  readonly querySet: readonly FieldLine[];
  readonly queryRemoved: readonly string[];
  readonly notes: Readonly<Record<string, unknown>> | null;
}

export interface Refusal {
  readonly kind: 'denied';
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly fields: readonly FieldLine[];
  readonly notes: Readonly<Record<string, unknown>> | null;
}

/** `error`: it could not be asked, or its answer could not be understood. */
export type Verdict = Permission | Refusal | { readonly kind: 'error' };

export interface Question {
  readonly request: RequestState;
  /** The body, or its beginning; null: it is not shown. */
  readonly body: Uint8Array | null;
  readonly wholeBody: boolean;
  /** What the request's route says to the service. */
  readonly extensions: Readonly<Record<string, string>>;
}

export interface VerdictOwner {
  onVerdict(verdict: Verdict): void;
}

/** A question that is on its way. */
export interface PendingVerdict {
  /** The owner may hear of the outcome before this returns. */
  start(): void;
  readonly started: boolean;
  /** Nobody waits for it any more. */
  cancel(): void;
}

export interface AuthzService {
  ask(question: Question, owner: VerdictOwner): PendingVerdict;
}
