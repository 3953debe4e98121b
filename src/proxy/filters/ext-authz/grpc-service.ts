// The authorization service over gRPC: envoy.service.auth.v3.Authorization.

import type { ExtAuthzConfig, GrpcAuthzConfig } from '../../config/filter-types.ts';
import { GrpcCall } from '../../exchange/index.ts';
import { encodeCheckRequest } from './check-request.ts';
import { parseCheckResponse } from './check-response.ts';
import { compileShown, type ShownFields } from './patterns.ts';
import type { AuthzService, PendingVerdict, Question, VerdictOwner } from './verdict.ts';

const method = 'envoy.service.auth.v3.Authorization/Check';

export class GrpcAuthzService implements AuthzService {
  private readonly config: GrpcAuthzConfig;
  private readonly shown: ShownFields;

  constructor(filter: ExtAuthzConfig, config: GrpcAuthzConfig) {
    this.config = config;
    this.shown = compileShown(filter);
  }

  ask(question: Question, owner: VerdictOwner): PendingVerdict {
    const message = encodeCheckRequest(question, this.config, this.shown);
    return new GrpcCall(question.request.context, this.config.target, method, message, {
      onGrpcAnswered: (answer) => owner.onVerdict(parseCheckResponse(answer)),
      onGrpcFailed: () => owner.onVerdict({ kind: 'error' }),
    });
  }
}
