import { describe, expect, test } from 'bun:test';
import { X509Certificate } from 'node:crypto';
import { type MeshError, ok, type Result, silentLog, VirtualClock } from '../../base/index.ts';
import type { KubeAnswer, KubeApi, KubeObject, KubeRequest } from '../kubernetes/types.ts';
import { fieldOf, textOf } from '../kubernetes/types.ts';
import { settle } from '../testing/world.ts';
import { authorityLimits } from './limits.ts';
import { type Authority, planAuthority, splitPem } from './plan.ts';
import { keptCertificate, WebhookKeeper } from './webhook-keeper.ts';
import { planWebhook, type WebhookTrust } from './webhook-plan.ts';

const startMs = Date.parse('2030-01-01T00:00:00Z');
const name = 'weft-inject.mesh.svc';
const dayMs = 24 * 3_600_000;
const nothing: WebhookTrust = { pair: null, bundle: '' };

/** What the API server asks: is this certificate one that it trusts, for this name, now? */
function isTrusted(pem: string, bundle: string, nowMs: number): boolean {
  const leaf = new X509Certificate(pem);
  const isLive = Date.parse(leaf.validFrom) <= nowMs && nowMs < Date.parse(leaf.validTo);
  return (
    isLive &&
    leaf.checkHost(name) !== undefined &&
    splitPem(bundle).some((root) => leaf.verify(new X509Certificate(root).publicKey))
  );
}

describe('the certificate of the webhook over the years', () => {
  test('is trusted at every moment, also where a pod shows the one before for a while, across rotations', () => {
    let held = nothing;
    let authority: Authority | null = null;
    let shown: readonly string[] = [];
    const signers = new Set<string>();
    let issued = 0;
    // A day at a time; while something goes on, a turn of the keeper.
    let turns = 0;
    const { readMs } = authorityLimits;
    for (let nowMs = startMs; nowMs < startMs + 3 * 365 * dayMs; nowMs += turns-- > 0 ? readMs : dayMs) {
      authority = planAuthority(authority, nowMs);
      signers.add(authority.current.certificate);
      const next = planWebhook(held, authority, name, nowMs);
      if (next.pair !== held.pair) issued++;
      if (next.pair !== held.pair || next.bundle !== held.bundle) turns = 4;
      held = next;
      // The kubelet is slow: of the last two turns each may be what is shown.
      shown = [held.pair?.certificate ?? '', ...shown].slice(0, 2);
      for (const pem of shown) if (!isTrusted(pem, held.bundle, nowMs)) throw new Error(`at ${nowMs}`);
    }
    expect(signers.size).toBeGreaterThanOrEqual(3);
    expect(issued).toBeGreaterThan(40);
    expect(splitPem(held.bundle).length).toBeLessThanOrEqual(authorityLimits.rootsMax);
  });

  test('of an authority that was not announced, trust comes a turn before it is shown, and goes after it', () => {
    const [before, after] = [planAuthority(null, startMs), planAuthority(null, startMs + dayMs)];
    const first = planWebhook(nothing, before, name, startMs);
    const trusted = planWebhook(first, after, name, startMs + dayMs);
    expect(trusted.pair).toBe(first.pair);
    expect(splitPem(trusted.bundle)).toEqual([after.current.certificate, before.current.certificate]);
    const shown = planWebhook(trusted, after, name, startMs + dayMs + 30_000);
    expect(isTrusted(shown.pair?.certificate ?? '', after.roots, startMs + dayMs + 30_000)).toBe(true);
    expect(shown.bundle).toBe(trusted.bundle);
    const soonMs = startMs + dayMs + authorityLimits.settleMs / 2;
    expect(planWebhook(shown, after, name, soonMs).bundle).toBe(trusted.bundle);
    const laterMs = startMs + dayMs + 2 * authorityLimits.settleMs;
    expect(splitPem(planWebhook(shown, after, name, laterMs).bundle)).toEqual([after.current.certificate]);
  });

  test('of another name is replaced', () => {
    const authority = planAuthority(null, startMs);
    const held = planWebhook(nothing, authority, 'elsewhere.mesh.svc', startMs);
    expect(planWebhook(held, authority, 'elsewhere.mesh.svc', startMs).pair).toBe(held.pair);
    expect(planWebhook(held, authority, name, startMs).pair).not.toBe(held.pair);
  });
});

const hookPath = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/weft-inject-mesh';
const secretPath = '/api/v1/namespaces/mesh/secrets/weft-inject';

/** Objects by path, with versions. */
class Objects implements KubeApi {
  readonly objects = new Map<string, KubeObject>();
  readonly writes: string[] = [];
  mayUpdate = true;
  private version = 0;

  async request({ method, path, body }: KubeRequest): Promise<Result<KubeAnswer, MeshError>> {
    await Promise.resolve();
    const answer = (status: number, object: KubeObject) => ok({ status, body: object, retryAfterMs: 0 });
    if (method === 'PUT' && !this.mayUpdate) return answer(403, { message: 'no' });
    const place = method === 'POST' ? `${path}/${textOf(body ?? {}, 'metadata', 'name')}` : path;
    const held = this.objects.get(place);
    if (method === 'GET') return held === undefined ? answer(404, {}) : answer(200, held);
    const versionOf = (object: KubeObject | undefined) => textOf(object ?? {}, 'metadata', 'resourceVersion');
    if (method === 'POST' ? held !== undefined : versionOf(body) !== versionOf(held))
      return answer(409, { message: 'conflict' });
    this.put(place, body ?? {});
    this.writes.push(`${method} ${path}`);
    return answer(method === 'POST' ? 201 : 200, this.objects.get(place) ?? {});
  }

  put(path: string, object: KubeObject): void {
    const resourceVersion = String(++this.version);
    const metadata = { ...(fieldOf(object, 'metadata') as KubeObject), resourceVersion };
    this.objects.set(path, { ...object, metadata });
  }

  watch(): () => void {
    return () => {};
  }
}

function createKeeper(annotations: object = keptCertificate) {
  const [api, clock] = [new Objects(), new VirtualClock()];
  const service = { name: 'weft-inject' };
  api.put(hookPath, {
    metadata: { name: 'weft-inject-mesh', annotations },
    webhooks: [{ name: 'inject.weft.dev', clientConfig: { service }, timeoutSeconds: 5 }],
  });
  const state: { authority: Authority | null } = { authority: planAuthority(null, clock.wall()) };
  const keeper = new WebhookKeeper({
    api,
    clock,
    log: silentLog,
    namespace: 'mesh',
    name: 'weft-inject',
    configuration: 'weft-inject-mesh',
    authority: () => state.authority,
  });
  const run = async (ms: number) => {
    await settle();
    clock.advanceBy(ms);
    await settle();
  };
  const look = () => api.writes.splice(0);
  return { api, clock, state, keeper, run, look };
}

describe('the webhook that is kept', () => {
  test('is trusted first, then shows what is trusted, and nothing else of it changes', async () => {
    const { api, clock, state, keeper, run, look } = createKeeper();
    await run(authorityLimits.readMs);
    expect(look()).toEqual([]);
    keeper.lead(true);
    await run(0);
    expect(look()).toEqual([`PUT ${hookPath}`, 'POST /api/v1/namespaces/mesh/secrets']);
    const [webhook] = fieldOf(api.objects.get(hookPath), 'webhooks') as readonly KubeObject[];
    expect(webhook).toMatchObject({ timeoutSeconds: 5, clientConfig: { service: { name: 'weft-inject' } } });
    const decode = (object: unknown, ...path: string[]) =>
      Buffer.from(textOf(object, ...path), 'base64').toString('utf8');
    const bundle = decode(webhook, 'clientConfig', 'caBundle');
    expect(bundle).toBe(state.authority?.roots ?? '');
    const shown = decode(api.objects.get(secretPath), 'data', 'tls.crt');
    expect(isTrusted(shown, bundle, clock.wall())).toBe(true);
    await run(authorityLimits.readMs);
    await run(authorityLimits.readMs);
    expect(look()).toEqual([]);
  });

  test('is put right when somebody takes the caBundle away', async () => {
    const { api, keeper, run, look } = createKeeper();
    keeper.lead(true);
    await run(0);
    look();
    api.put(hookPath, { metadata: { annotations: keptCertificate }, webhooks: [{ clientConfig: {} }] });
    await run(authorityLimits.readMs);
    expect(look()).toEqual([`PUT ${hookPath}`]);
  });

  test('another authority is told of at once, and shown a turn later', async () => {
    const { clock, state, keeper, run, look } = createKeeper();
    keeper.lead(true);
    await run(0);
    look();
    state.authority = planAuthority(null, clock.wall());
    keeper.authorityChanged();
    await run(0);
    expect(look()).toEqual([`PUT ${hookPath}`]);
    await run(authorityLimits.readMs);
    expect(look()).toEqual([`PUT ${secretPath}`]);
  });

  test('shows nothing that is not trusted: without the right to say so the Secret stays as it is', async () => {
    const { api, keeper, run, look } = createKeeper();
    api.mayUpdate = false;
    keeper.lead(true);
    await run(0);
    await run(authorityLimits.retryMs);
    expect(look()).toEqual([]);
    api.mayUpdate = true;
    await run(authorityLimits.retryMs);
    expect(look().length).toBe(2);
  });

  test('is left alone where its certificate is somebody else’s, where there is none, by who does not lead', async () => {
    const given = createKeeper({});
    given.keeper.lead(true);
    await given.run(authorityLimits.readMs);
    expect(given.look()).toEqual([]);
    const none = createKeeper();
    none.api.objects.clear();
    none.keeper.lead(true);
    await none.run(authorityLimits.readMs);
    expect(none.look()).toEqual([]);
    const lost = createKeeper();
    lost.state.authority = null;
    lost.keeper.lead(true);
    await lost.run(0);
    lost.keeper.stop();
    lost.state.authority = planAuthority(null, lost.clock.wall());
    await lost.run(authorityLimits.readMs);
    expect(lost.look()).toEqual([]);
  });
});
