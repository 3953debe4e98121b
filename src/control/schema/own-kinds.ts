// Weft's own kinds, one row each: what an API server must know of them beside their fields.

import type { z } from 'zod';
import { exceptError, publishedAccessPolicySpec } from './access-policy.ts';
import { cpuPattern, cpuRule, memoryPattern, memoryRule } from './quantity.ts';
import { servicePolicySpec } from './service-policy.ts';
import type { Dialect } from './structural-schema.ts';

export interface OwnKind {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly description: string;
  readonly spec: z.ZodType;
  readonly dialect: Dialect;
  /** Of `kubectl get`, beside targets, acceptance and age: name to a path. */
  readonly columns: readonly (readonly [name: string, jsonPath: string])[];
}

/** As text or as a whole number. */
const isQuantity = (pattern: string, integerMax: number, message: string) => [
  {
    rule: `type(self) == int ? self >= 0 && self <= ${integerMax} : self.matches('${pattern}')`,
    message,
  },
];
const quantityOf = (field: string) =>
  `(type(${field}) == int ? quantity('0').add(${field}) : quantity(${field}))`;
const isWithinLimit = (name: string) => ({
  rule: `!has(self.requests) || !has(self.requests.${name}) || !has(self.limits) || !has(self.limits.${name}) || ${quantityOf(`self.requests.${name}`)}.compareTo(${quantityOf(`self.limits.${name}`)}) <= 0`,
  message: `requests.${name} must not be more than the limit`,
});
const isCpu = isQuantity(cpuPattern, 9999, cpuRule);
const isMemory = isQuantity(memoryPattern, 999_999_999_999_999, memoryRule);

const servicePolicyRules: Dialect['rules'] = new Map([
  [
    '',
    [
      {
        rule: '!has(self.sidecar) || self.targetRefs.all(one, !has(one.sectionName))',
        message:
          'sidecar must not stand where a target has a sectionName: a pod has one sidecar for all ports',
      },
    ],
  ],
  ['sidecar.resources', [isWithinLimit('cpu'), isWithinLimit('memory')]],
  ['sidecar.resources.requests.cpu', isCpu],
  ['sidecar.resources.requests.memory', isMemory],
  ['sidecar.resources.limits.cpu', isCpu],
  ['sidecar.resources.limits.memory', isMemory],
  [
    'timeouts',
    [
      {
        rule: "!has(self.request) || !has(self.attempt) || duration(self.request) == duration('0s') || duration(self.attempt) <= duration(self.request)",
        message: 'attempt must not be longer than request',
      },
    ],
  ],
  [
    'retry',
    [
      {
        // CEL writes names that are its own words like this.
        rule: '!has(self.on) || !has(self.__true__)',
        message:
          'true must not stand beside on: it is what readers of YAML 1.1 make of the same key without quotes',
      },
    ],
  ],
  [
    'objective.window',
    [
      {
        // CEL knows no days.
        rule: "self.matches('[1-9][0-9]{0,4}d') || (!self.contains('d') && duration(self) >= duration('1m'))",
        message: 'must be 1m or more',
      },
    ],
  ],
  [
    'retry.backoff',
    [
      {
        rule: '!has(self.base) || !has(self.max) || duration(self.base) <= duration(self.max)',
        message: 'base must not be longer than max',
      },
    ],
  ],
]);

const accessPolicyRules: Dialect['rules'] = new Map([
  [
    'rules[].from[]',
    [
      {
        rule: '[has(self.serviceAccount), has(self.namespace), has(self.ipBlock)].filter(one, one).size() == 1',
        message: 'must be one of serviceAccount, namespace and ipBlock',
      },
    ],
  ],
  [
    'rules[].from[].ipBlock',
    [
      {
        rule: '!has(self.except) || self.except.all(one, cidr(self.cidr).containsCIDR(one) && cidr(one).prefixLength() > cidr(self.cidr).prefixLength())',
        message: exceptError,
      },
    ],
  ],
  [
    'rules[].ports[]',
    [
      {
        rule: "type(self) == int ? self >= 1 && self <= 65535 : self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
        message: 'must be the name or the number of a port of the Service',
      },
    ],
  ],
]);

export const ownKinds: readonly OwnKind[] = [
  {
    kind: 'ServicePolicy',
    plural: 'servicepolicies',
    shortName: 'svcpol',
    description:
      'How a Service wants to be called: timeouts, retries, limits, ejection, balancing; and what its sidecars get.',
    spec: servicePolicySpec,
    dialect: { rules: servicePolicyRules, withoutDefault: new Set(['timeouts.request', 'retry.on']) },
    columns: [],
  },
  {
    kind: 'AccessPolicy',
    plural: 'accesspolicies',
    shortName: 'accpol',
    description: 'Who may call a Service; everybody else is refused, at the network and in its proxies.',
    spec: publishedAccessPolicySpec,
    dialect: { rules: accessPolicyRules, withoutDefault: new Set() },
    columns: [['Mode', '.spec.mode']],
  },
];
