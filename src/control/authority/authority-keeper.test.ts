import { describe, expect, test } from 'bun:test';
import { fail, MeshError, ok, type Result, silentLog, VirtualClock } from '../../base/index.ts';
import type { KubeAnswer, KubeApi, KubeObject, KubeRequest } from '../kubernetes/types.ts';
import { fieldOf } from '../kubernetes/types.ts';
import { AuthorityKeeper } from './authority-keeper.ts';
import { authorityLimits } from './limits.ts';
import type { Authority } from './plan.ts';

/** One Secret, with versions. */
class SecretApi implements KubeApi {
  secret: KubeObject | null = null;
  up = true;
  writes = 0;
  private version = 0;

  async request({ method, body }: KubeRequest): Promise<Result<KubeAnswer, MeshError>> {
    await Promise.resolve();
    if (!this.up)
      return fail(new MeshError('connect-refused', 'upstream', 'yes', 'the API server did not answer'));
    const answer = (status: number, object: KubeObject) => ok({ status, body: object, retryAfterMs: 0 });
    if (method === 'GET') return this.secret === null ? answer(404, {}) : answer(200, this.secret);
    const held = fieldOf(this.secret, 'metadata', 'resourceVersion');
    if (method === 'POST' ? this.secret !== null : fieldOf(body, 'metadata', 'resourceVersion') !== held)
      return answer(409, { message: 'conflict' });
    const metadata = {
      ...(fieldOf(body, 'metadata') as KubeObject),
      resourceVersion: String(++this.version),
    };
    this.secret = { ...body, metadata };
    this.writes++;
    return answer(method === 'POST' ? 201 : 200, this.secret);
  }

  watch(): () => void {
    return () => {};
  }
}

function create(api: SecretApi, clock: VirtualClock) {
  const heard: Authority[] = [];
  const keeper = new AuthorityKeeper({
    api,
    clock,
    log: silentLog,
    namespace: 'weft-system',
    onAuthority: (authority) => heard.push(authority),
  });
  keeper.start();
  return { keeper, heard };
}

async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  clock.advanceBy(ms);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe('the authority in its Secret', () => {
  test('the replica that leads makes it, and the others read it', async () => {
    const [api, clock] = [new SecretApi(), new VirtualClock()];
    const [one, two] = [create(api, clock), create(api, clock)];
    await pass(clock, authorityLimits.retryMs);
    expect([api.writes, one.heard.length, two.heard.length]).toEqual([0, 0, 0]);
    one.keeper.lead(true);
    await pass(clock, authorityLimits.retryMs);
    await pass(clock, authorityLimits.retryMs);
    expect([api.writes, one.heard.length, two.heard.length]).toEqual([1, 1, 1]);
    expect(one.heard).toEqual(two.heard);
  });

  test('of two who believe to lead, one writes', async () => {
    const [api, clock] = [new SecretApi(), new VirtualClock()];
    const both = [create(api, clock), create(api, clock)];
    await pass(clock, 0);
    for (const { keeper } of both) keeper.lead(true);
    for (let turn = 0; turn < 4; turn++) await pass(clock, authorityLimits.retryMs);
    expect(api.writes).toBe(1);
    expect(both.map(({ keeper }) => keeper.authority)).toEqual([both[0]!.heard[0]!, both[0]!.heard[0]!]);
  });

  test('it is renewed in time, in two steps', async () => {
    const [api, clock] = [new SecretApi(), new VirtualClock()];
    const { keeper, heard } = create(api, clock);
    keeper.lead(true);
    for (let turn = 0; turn < 3; turn++) await pass(clock, authorityLimits.retryMs);
    await pass(clock, authorityLimits.authorityMs - authorityLimits.renewAuthorityMs);
    expect([api.writes, heard.at(-1)?.next === null]).toEqual([2, false]);
    await pass(clock, authorityLimits.announceMs + authorityLimits.readMs);
    expect([api.writes, heard.at(-1)?.next === null]).toEqual([3, true]);
  });

  test('while the API server is away what was read holds; what somebody else put there is left alone', async () => {
    const [api, clock] = [new SecretApi(), new VirtualClock()];
    const { keeper, heard } = create(api, clock);
    keeper.lead(true);
    for (let turn = 0; turn < 3; turn++) await pass(clock, authorityLimits.retryMs);
    api.up = false;
    await pass(clock, authorityLimits.readMs);
    expect(keeper.authority).toEqual(heard[0]!);
    api.up = true;
    api.secret = { metadata: { resourceVersion: 'theirs' }, data: {} };
    for (let turn = 0; turn < 3; turn++) await pass(clock, authorityLimits.readMs);
    expect([keeper.authority, api.writes]).toEqual([heard[0]!, 1]);
    keeper.stop();
    expect(clock.armedCount).toBe(0);
  });
});
