// ServicePolicy (weft.dev/v1alpha1): how a service wants to be called. The one source of its fields, rules, defaults
// and the reasons for them; the resolved spec, with every default filled in, is also what travels to Weft's proxies in
// cluster metadata (docs/xds.md).

import { z } from 'zod';
import { retryConditions } from '../../policy/index.ts';
import { formatGatewayDuration, policyDefaults } from '../../xds/index.ts';
import { sidecar } from './sidecar.ts';
import {
  duration,
  durationMs,
  headerName,
  integer,
  longDuration,
  notYet,
  objectName,
  statusCode,
  timeout,
} from './values.ts';

const targetRef = z.strictObject({
  group: z.literal('', { error: 'must be "", the group of Service' }),
  kind: z.literal('Service', { error: 'must be Service' }),
  name: objectName.describe('A Service in the namespace of the policy.'),
  sectionName: z.string().min(1).optional().describe('The name of one of its ports; absent: every port.'),
});

const loadBalancing = z.strictObject({
  type: z
    .enum(['LatencyAware', 'LeastRequest', 'RoundRobin', 'Random'], {
      error: 'must be LatencyAware, LeastRequest, RoundRobin or Random',
    })
    .default('LatencyAware')
    .describe(
      'LatencyAware: the best of three random endpoints by peak EWMA of latency, errors counted. The default, because a replica that turned slow must lose its callers within seconds, without anybody touching a knob.',
    ),
  locality: z
    .enum(['PreferZone', 'Any'], { error: 'must be PreferZone or Any' })
    .optional()
    .describe(
      "Absent: the Service's own trafficDistribution, which is where Kubernetes says it. Its internalTrafficPolicy Local stands.",
    ),
});

const slowStart = z.strictObject({
  window: duration(1000, 3_600_000).describe(
    'An endpoint that turned healthy grows from a tenth of its share to all of it over this time. Absent: it gets its share at once.',
  ),
});

const {
  timeouts: waits,
  limits: bounds,
  outlierDetection: outlier,
  retry: again,
  healthCheck: checks,
} = policyDefaults;
const text = formatGatewayDuration;

const requestDefault = text(waits.requestMs);
const attemptDefault = text(waits.attemptMs);

const timeoutFields = z.strictObject({
  request: timeout
    .optional()
    .meta({ default: requestDefault })
    .describe(
      'From the first byte to the end of the answer, all attempts together; 0s: none. 15s is what Envoy gives a route.',
    ),
  attempt: timeout
    .optional()
    .describe(
      'One attempt, up to the head of its answer; 0s: none. Absent: 5s, a third of the default request, so that two retries still fit; where a request timeout is given, that, because what somebody allows is not cut by what nobody said.',
    ),
  connect: duration(1, 60_000)
    .default(text(waits.connectMs))
    .describe(
      'TCP connect. Inside one data centre a SYN is answered within milliseconds or lost; one retransmission fits in.',
    ),
  idle: timeout
    .default(text(waits.idleMs))
    .describe(
      'A connection to an endpoint without a request is closed; 0s: never. Five minutes is below what load balancers and NAT gateways on the way commonly allow.',
    ),
});

const timeouts = timeoutFields.superRefine(refuseLongAttempt).transform(({ request, attempt, ...rest }) => ({
  request: request ?? requestDefault,
  attempt: attempt ?? request ?? attemptDefault,
  /** False: derived, so a route's own request timeout derives it anew. */
  attemptIsGiven: attempt !== undefined,
  /** False: it is a default, which a gRPC stream must not be cut by. */
  requestIsGiven: request !== undefined,
  ...rest,
}));

/** Of what is given: the defaults of the two fit. */
function refuseLongAttempt(
  { request, attempt }: z.output<typeof timeoutFields>,
  context: z.core.$RefinementCtx,
): void {
  if (request === undefined || attempt === undefined || durationMs(request) === 0) return;
  if (durationMs(attempt) > durationMs(request))
    context.addIssue({
      code: 'custom',
      path: ['attempt'],
      message: 'must not be longer than request',
      input: attempt,
    });
}

const retryOn = z
  .array(
    z.enum(retryConditions, {
      error:
        'must be ConnectFailure, Reset, Unavailable, GatewayError, ServerError, Conflict, StatusCodes or AttemptTimeout',
    }),
  )
  .max(8)
  .optional();

const retryFields = z.strictObject({
  on: retryOn
    .meta({ default: again.on })
    .describe(
      'What counts as worth another attempt. 500 is left out: it says that the application ran and failed.',
    ),
  true: retryOn.describe(
    'The same as `on`: what a reader of YAML 1.1, such as kubectl, makes of that key without quotes.',
  ),
  statusCodes: z.array(statusCode).max(32).default([]).describe('Answers that StatusCodes means.'),
  methods: z
    .array(z.string().regex(/^[A-Z]+$/, 'must be a method in upper case'))
    .max(16)
    .default(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
    .describe(
      'May be sent again after they may have reached the application: the idempotent ones (RFC 9110 9.2.2). A request that was surely never sent is repeated whatever its method.',
    ),
  idempotencyHeader: headerName
    .transform((name) => name.toLowerCase())
    .optional()
    .describe(
      'A request that carries it may be repeated whatever its method. Absent: no header is trusted to mean that.',
    ),
  attempts: integer(0, 16)
    .default(again.attempts)
    .describe(
      'Retries beside the first attempt: two survive a replica that dies while another is restarting.',
    ),
  backoff: z
    .strictObject({
      base: duration(1, 60_000)
        .default(text(again.backoff.baseMs))
        .describe("First wait, with full jitter; Envoy's value."),
      max: duration(1, 300_000)
        .default(text(again.backoff.maxMs))
        .describe('Longest wait; ten times the base, as Envoy.'),
    })
    .refine(({ base, max }) => durationMs(base) <= durationMs(max), {
      path: ['base'],
      error: 'must not be longer than max',
    })
    .prefault({}),
});

const retry = retryFields
  .refine((given) => given.on === undefined || given.true === undefined, {
    path: ['true'],
    error: 'must not stand beside on: it is what readers of YAML 1.1 make of the same key without quotes',
  })
  .transform(({ on, true: plain, ...rest }) => ({ on: on ?? plain ?? [...again.on], ...rest }));

/** `perDefault`: what the minimum is per where nobody says; Gateway API and ServicePolicy differ. */
function retryBudgetOf(perDefault: string, reason: string) {
  return z.strictObject({
    budget: z
      .strictObject({
        percent: integer(0, 100)
          .default(again.budget.percent)
          .describe("Retries as a share of requests; Gateway API's default."),
        interval: duration(1000, 3_600_000)
          .default(text(again.budget.intervalMs))
          .describe("Window over which requests count; Gateway API's default."),
      })
      .prefault({}),
    minRetryRate: z
      .strictObject({
        count: integer(1, 1_000_000)
          .default(again.budget.minRetries.count)
          .describe('Allowed where the share is less, so that a quiet service may retry at all.'),
        interval: duration(1000, 3_600_000).default(perDefault).describe(reason),
      })
      .prefault({}),
  });
}

export const retryBudget = retryBudgetOf(
  text(again.budget.minRetries.intervalMs),
  "What the count is per. Ten times Gateway API's 1s: ten retries a second in every proxy would be half of a load of 20 requests a second, at every hop of a chain; one a second is the share itself from 5 requests a second on.",
);
/** XBackendTrafficPolicy.retryConstraint, with Gateway API's own default. */
export const retryConstraint = retryBudgetOf('1s', "What the count is per; Gateway API's default.");

const limits = z.strictObject({
  connections: integer(1, 1_000_000)
    .default(bounds.connections)
    .describe("Open connections to the service from one proxy; Envoy's default."),
  pending: integer(1, 1_000_000)
    .default(bounds.pending)
    .describe("Requests that wait for a connection; Envoy's default."),
  requests: integer(1, 1_000_000)
    .default(bounds.requests)
    .describe(
      'Requests in flight. More than a thousand waiting answers from one caller is an incident, not load.',
    ),
});

const outlierDetection = z.strictObject({
  consecutiveFailures: integer(0, 1000)
    .default(outlier.consecutiveFailures)
    .describe(
      '5xx or broken connections in a row that eject an endpoint; 0: off. Five in a row are no accident at any usual success rate.',
    ),
  successRate: z
    .strictObject({
      minimumRequests: integer(0, 1_000_000)
        .default(outlier.successRate.minimumRequests)
        .describe('An endpoint with fewer in an interval is not judged by its rate; 0: off.'),
    })
    .prefault({}),
  interval: duration(100, 300_000)
    .default(text(outlier.intervalMs))
    .describe('How often rates are judged and ejections end.'),
  baseEjection: duration(100, 3_600_000)
    .default(text(outlier.baseEjectionMs))
    .describe(
      'The first ejection; each further one is that much longer. Shorter than Envoy (30s): a restarted replica is back by then.',
    ),
  maxEjection: duration(100, 86_400_000)
    .default(text(outlier.maxEjectionMs))
    .describe("The longest ejection; Envoy's default."),
  maxEjectedPercent: integer(0, 100)
    .default(outlier.maxEjectedPercent)
    .describe(
      'Never eject more than this share; 0: no ejection. Half, because with three replicas a tenth (Envoy) would be none.',
    ),
});

const objective = z.strictObject({
  availability: z
    .number()
    .gt(0, 'must be above 0 and below 100')
    .lt(100, 'must be above 0 and below 100')
    .describe('Percent of requests that must not fail.'),
  latency: z
    .strictObject({
      percentile: z.number().gt(0, 'must be above 0 and below 100').lt(100, 'must be above 0 and below 100'),
      threshold: duration(1, 3_600_000),
    })
    .optional(),
  window: longDuration
    .default('30d')
    .describe('Over which the error budget is counted; a month, as on-call rotations report it.'),
});

const balancing = loadBalancing
  .extend({ consistentHash: notYet, slowStart: slowStart.optional() })
  .refine(({ type, slowStart }) => type !== 'Random' || slowStart === undefined, {
    path: ['slowStart'],
    error: 'does not hold for Random',
  });

/** `200-299`, or one status. */
const statusRange = z.string({ error: 'must be a status such as 200 or a range such as 200-299' }).refine(
  (text) => {
    const [first, last] = parseStatusRange(text);
    return first >= 100 && last <= 599 && first <= last;
  },
  { error: 'must be a status such as 200 or a range such as 200-299' },
);

/** NaN where it is none. */
export function parseStatusRange(text: string): readonly [first: number, last: number] {
  const [, first = '', last = first] = /^(\d{3})(?:-(\d{3}))?$/.exec(text) ?? [];
  return first === '' ? [Number.NaN, Number.NaN] : [Number(first), Number(last)];
}

const healthCheck = z
  .strictObject({
    http: z
      .strictObject({
        path: z
          .string()
          .regex(/^\/[!-~]*$/, 'must begin with / and hold no spaces')
          .default('/')
          .describe('What is asked for; the root answers in most applications.'),
        host: z
          .string()
          .regex(/^[a-zA-Z0-9._:-]{1,253}$/, 'must be a host')
          .optional()
          .describe("Absent: the Service's own name, which its sidecars answer to."),
        expectedStatuses: z
          .array(statusRange)
          .min(1)
          .max(16)
          .default(['200-299'])
          .describe('Of an answer that says yes: any success.'),
      })
      .optional()
      .describe('GET, and its status decides.'),
    tcp: z.strictObject({}).optional().describe('A connection is enough.'),
    interval: duration(100, 3_600_000)
      .default(text(checks.intervalMs))
      .describe('Between two checks. Five seconds finds a dead endpoint before most callers give up.'),
    timeout: duration(10, 60_000).default(text(checks.timeoutMs)).describe('Of one check.'),
    healthyThreshold: integer(1, 100)
      .default(checks.healthyThreshold)
      .describe('Passed checks in a row that bring an endpoint back; the first ever decides alone.'),
    unhealthyThreshold: integer(1, 100)
      .default(checks.unhealthyThreshold)
      .describe(
        'Timeouts or broken connections in a row that take it out; an answer that says no does at once.',
      ),
  })
  .refine(({ http, tcp }) => (http === undefined) !== (tcp === undefined), {
    error: 'must hold one of http, tcp',
  });

/** Everything but the targets: what is in force for a service. */
export const servicePolicySettings = z.strictObject({
  loadBalancing: balancing.prefault({}),
  timeouts: timeouts.prefault({}),
  retry: retry.prefault({}),
  retryBudget: retryBudget.prefault({}),
  limits: limits.prefault({}),
  outlierDetection: outlierDetection.prefault({}),
  objective: objective
    .optional()
    .describe('The error budget. Absent: none is kept, because nobody promised anything.'),
  healthCheck: healthCheck
    .optional()
    .describe(
      'Active checks of every endpoint by every proxy that calls the service. Absent: Kubernetes readiness and outlier detection say who is well.',
    ),
  rateLimit: notYet,
});

/** What a policy says, to callers and of its own pods. */
export const servicePolicyFields = servicePolicySettings.extend({ sidecar: sidecar.optional() });

export const servicePolicySpec = servicePolicyFields
  .extend({
    targetRefs: z
      .array(targetRef, { error: 'must be a list of 1 to 16 targets' })
      .min(1, 'must be a list of 1 to 16 targets')
      .max(16, 'must be a list of 1 to 16 targets'),
  })
  .refine((spec) => spec.sidecar === undefined || spec.targetRefs.every(isWhole), {
    path: ['sidecar'],
    error: 'must not stand where a target has a sectionName: a pod has one sidecar for all ports',
  });

function isWhole({ sectionName }: z.output<typeof targetRef>): boolean {
  return sectionName === undefined;
}

export type ServicePolicySettings = z.output<typeof servicePolicySettings>;
export type ServicePolicySpec = z.output<typeof servicePolicySpec>;

/** What a Service gets that no policy names. */
export const defaultPolicy: ServicePolicySettings = servicePolicySettings.parse({});
