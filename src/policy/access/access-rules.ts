// Rules of access, compiled once from a validated configuration and asked per request or connection.

import { rangeHas } from '../../base/index.ts';
import { compileHeaders, compileValues, matchesHeaders, type ValueMatcher } from '../route/index.ts';
import type { AccessFacts, AccessRulesConfig, AccessVerdict, Condition, MetadataMatch } from './types.ts';
import { compileMetadata } from './value-match.ts';

type Test = (facts: AccessFacts) => boolean;

interface Policy {
  readonly name: string;
  readonly permissions: readonly Test[];
  readonly principals: readonly Test[];
}

export class AccessRules {
  private readonly action: AccessRulesConfig['action'];
  private readonly policies: readonly Policy[];

  constructor({ action, policies }: AccessRulesConfig) {
    this.action = action;
    this.policies = policies.map(({ name, permissions, principals }) => ({
      name,
      permissions: permissions.map(compile),
      principals: principals.map(compile),
    }));
  }

  judge(facts: AccessFacts): AccessVerdict {
    const policy = this.find(facts);
    const allowed = this.action === 'log' || (policy !== null) === (this.action === 'allow');
    return { allowed, policy };
  }

  /** True: what fitted is to be logged, and nothing is refused. */
  get logs(): boolean {
    return this.action === 'log';
  }

  private find(facts: AccessFacts): string | null {
    const holds = (test: Test) => test(facts);
    for (const { name, permissions, principals } of this.policies)
      if (permissions.some(holds) && principals.some(holds)) return name;
    return null;
  }
}

/** A single match of what filters said. */
export class AccessMetadata {
  readonly matches: ReturnType<typeof compileMetadata>;

  constructor(match: MetadataMatch) {
    this.matches = compileMetadata(match);
  }
}

function compile(condition: Condition): Test {
  switch (condition.kind) {
    case 'all': {
      const tests = condition.of.map(compile);
      return (facts) => tests.every((test) => test(facts));
    }
    case 'any': {
      const tests = condition.of.map(compile);
      return (facts) => tests.some((test) => test(facts));
    }
    case 'not': {
      const test = compile(condition.of);
      return (facts) => !test(facts);
    }
    case 'always':
      return () => true;
    case 'header': {
      const headers = compileHeaders([condition.match]);
      return ({ head }) => matchesHeaders(headers, head);
    }
    case 'path': {
      const matcher = matcherOf(condition.match);
      return ({ head }) => matcher.matches(withoutQuery(head.path));
    }
    case 'server-name': {
      const matcher = matcherOf(condition.match);
      return ({ serverName }) => matcher.matches(serverName);
    }
    case 'metadata': {
      const matches = compileMetadata(condition.match);
      return (facts) => matches((filter) => facts.metadata(filter));
    }
    default:
      return compileEnd(condition);
  }
}

type EndCondition = Extract<
  Condition,
  { kind: 'source' | 'destination' | 'destination-port' | 'authenticated' }
>;

/** Of the two ends of the connection. */
function compileEnd(condition: EndCondition): Test {
  switch (condition.kind) {
    case 'source':
      return (facts) => {
        const address = facts.source(condition.of);
        return address !== null && rangeHas(condition.range, address);
      };
    case 'destination':
      return (facts) => {
        const address = facts.destination();
        return address !== null && rangeHas(condition.range, address);
      };
    case 'destination-port':
      return ({ destinationPort: port }) => port >= condition.start && port < condition.end;
    case 'authenticated': {
      const matcher = condition.match === null ? null : matcherOf(condition.match);
      return (facts) => {
        const principals = facts.principals();
        return principals !== null && (matcher === null || principals.some((name) => matcher.matches(name)));
      };
    }
  }
}

function matcherOf(match: Parameters<typeof compileValues>[0][number]): ValueMatcher {
  return compileValues([match])[0] as ValueMatcher;
}

function withoutQuery(path: string): string {
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}
