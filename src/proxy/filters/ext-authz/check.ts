// One request's check, from the question to what its answer changes.

import type { AuthzBody, ExtAuthzConfig } from '../../config/filter-types.ts';
import { type Denial, type RequestState, rematch, type Waiter } from '../../exchange/index.ts';
import { responseFlags } from '../../stats/index.ts';
import { isSendable } from '../field-lines.ts';
import { denial, say } from '../filter.ts';
import { applyPermission, isWellFormed, type MutationJudge } from './mutations.ts';
import type {
  AuthzService,
  FieldEdit,
  PendingVerdict,
  Permission,
  Refusal,
  Verdict,
  VerdictOwner,
} from './verdict.ts';

export type Outcome =
  | 'ok'
  | 'denied'
  | 'error'
  | 'failure_mode_allowed'
  | 'invalid'
  | 'ignored_dynamic_metadata';

/** The filter, as its checks see it. */
export interface CheckOwner {
  readonly name: string;
  readonly config: ExtAuthzConfig;
  readonly service: AuthzService;
  readonly judge: MutationJudge | null;
  errorDenial(): Denial;
  count(request: RequestState, outcome: Outcome): void;
}

const tooLarge = denial(413, 'Payload Too Large', 'request_payload_too_large');
/** What the service says cannot be sent, or is not its to change. */
const invalid = denial(500, '', 'ext_authz_invalid', responseFlags.denied);

/** holding (its body) -> asking -> done. */
export class Check implements VerdictOwner, Waiter {
  /** For the answer, when it comes. */
  response: readonly FieldEdit[] = [];
  private state: 'holding' | 'asking' | 'done' = 'holding';
  private outcome: 'allow' | Denial = 'allow';
  private pending: PendingVerdict | null = null;
  private askedMs = 0;
  private readonly filter: CheckOwner;
  private readonly request: RequestState;
  private readonly body: AuthzBody | null;
  private readonly extensions: Readonly<Record<string, string>>;

  constructor(
    filter: CheckOwner,
    request: RequestState,
    body: AuthzBody | null,
    extensions: Readonly<Record<string, string>>,
  ) {
    this.filter = filter;
    this.request = request;
    this.body = body;
    this.extensions = extensions;
  }

  goOn(): 'allow' | 'wait' | Denial {
    const { body, request } = this;
    if (this.state === 'done') return this.outcome;
    request.waiter = this;
    if (this.state === 'asking') return 'wait';
    if (body !== null && !request.requestEnded && request.body.length <= body.bytesMax) {
      request.heldBytesMax = body.bytesMax;
      return 'wait';
    }
    if (body !== null && !body.partial && request.body.length > body.bytesMax) {
      this.state = 'done';
      request.waiter = null;
      return tooLarge;
    }
    this.ask();
    return this.isDone() ? this.outcome : 'wait';
  }

  onHeldBody(request: RequestState): void {
    const { body } = this;
    if (this.state === 'holding' && body !== null && request.body.length > body.bytesMax)
      request.machine.proceed();
  }

  onHeldEnd(request: RequestState): void {
    if (this.state === 'holding') request.machine.proceed();
  }

  onAbandoned(): void {
    this.state = 'done';
    this.pending?.cancel();
  }

  onVerdict(verdict: Verdict): void {
    if (verdict.kind === 'error') {
      this.fail();
      this.finish();
      return;
    }
    if (verdict.notes !== null) this.note(verdict.notes, verdict.kind);
    if (verdict.kind === 'ok') this.allow(verdict);
    else this.deny(verdict);
    this.finish();
  }

  private isDone(): boolean {
    return this.state === 'done';
  }

  private ask(): void {
    const { body, extensions, filter, request } = this;
    const length = Math.min(request.body.length, body?.bytesMax ?? 0);
    this.state = 'asking';
    this.askedMs = request.context.clock.now();
    const question = {
      request,
      // A request without a body shows none, whatever may be shown.
      body: length === 0 ? null : request.body.copy(length),
      wholeBody: request.requestEnded && length === request.body.length,
      extensions,
    };
    this.pending = filter.service.ask(question, this);
    this.pending.start();
  }

  private note(notes: Readonly<Record<string, unknown>>, kind: 'ok' | 'denied'): void {
    const { filter, request } = this;
    if (!filter.config.takesNotes) {
      filter.count(request, 'ignored_dynamic_metadata');
      return;
    }
    const { clock } = request.context;
    const took = kind === 'ok' ? { ext_authz_duration: clock.now() - this.askedMs } : {};
    say(request, 'envoy.filters.http.ext_authz', { ...notes, ...took });
  }

  private allow(permission: Permission): void {
    const { filter, request } = this;
    if (filter.config.validates && !isWellFormed(permission)) {
      this.reject();
      return;
    }
    const applied = applyPermission(request.head, permission, filter.judge);
    if (applied === 'refused') {
      this.reject();
      return;
    }
    filter.count(request, 'ok');
    this.response = permission.response;
    if (filter.config.clearsRouteCache && applied === 'changed') rematch(request);
  }

  private deny({ body, fields, status }: Refusal): void {
    this.filter.count(this.request, 'denied');
    if (this.filter.config.validates && !fields.every(isSendable)) this.reject();
    else
      this.outcome = denial(
        status,
        body,
        'ext_authz_denied',
        responseFlags.denied,
        fields.filter(isSendable),
      );
  }

  private reject(): void {
    this.filter.count(this.request, 'invalid');
    this.outcome = invalid;
  }

  private fail(): void {
    const { filter, request } = this;
    const { failureAllowed, failureHeader } = filter.config;
    filter.count(request, 'error');
    if (failureAllowed) {
      filter.count(request, 'failure_mode_allowed');
      if (failureHeader) request.head.add('x-envoy-auth-failure-mode-allowed', 'true');
    } else this.outcome = filter.errorDenial();
  }

  private finish(): void {
    const { pending, request } = this;
    const waited = this.state === 'asking' && request.state === 'authorizing';
    this.state = 'done';
    const asked = request.waiter === this;
    request.waiter = null;
    // The outcome came later than the question, so somebody has to be told.
    if (waited && asked && pending?.started === true) request.machine.proceed();
  }
}
