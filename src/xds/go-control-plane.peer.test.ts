import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Issue, silentLog } from '../base/index.ts';
import { createBunNetwork, createSystemClock, createSystemRandom } from '../net/index.ts';
import { describeWith } from '../testing/programs.ts';
import { Said } from '../testing/said.ts';
import { until } from '../testing/until.ts';
import { AdsClient, type AdsVariant, createGrpcAdsTransport, findReferences, typeUrls } from './index.ts';
import { testNode } from './testing/resources.ts';
import type { XdsResource, XdsSubscriber, XdsUpdate } from './types.ts';

const source = fileURLToPath(new URL('../../tools/peers/go-control-plane', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'weft-xds-go-'));
const binary = join(folder, 'peer');
/** A first build downloads and compiles gRPC. */
const buildMs = 600_000;

/** The foreign server: lines in, lines out. */
class Peer {
  private readonly child = Bun.spawn([binary], { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' });
  readonly said = new Said(this.child.stdout);

  async port(): Promise<number> {
    await this.said.hear(['port']);
    return Number(this.said.of('port')[0]);
  }

  say(line: string): void {
    this.child.stdin.write(`${line}\n`);
    void this.child.stdin.flush();
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.child.exited;
  }
}

class Follower implements XdsSubscriber {
  readonly held = new Map<string, Map<string, XdsResource>>();
  readonly connections: boolean[] = [];
  refuses = '';
  client: AdsClient | null = null;

  onUpdate(update: XdsUpdate): readonly Issue[] {
    const held = this.held.get(update.typeUrl) ?? new Map<string, XdsResource>();
    this.held.set(update.typeUrl, held);
    const good = update.changed.filter(({ name }) => name !== this.refuses);
    for (const resource of good) held.set(resource.name, resource);
    for (const name of update.removed) held.delete(name);
    const all = [...held.values()].map((resource) => findReferences(resource));
    if (update.typeUrl === typeUrls.cluster) {
      this.follow(
        typeUrls.endpoint,
        all.flatMap(({ endpoints }) => [...endpoints]),
      );
    }
    if (update.typeUrl === typeUrls.listener) {
      this.follow(
        typeUrls.route,
        all.flatMap(({ routes }) => [...routes]),
      );
    }
    return update.changed
      .filter(({ name }) => name === this.refuses)
      .map(({ name }) => ({ object: name, field: 'type', rule: 'is not supported', value: 'EDS' }));
  }

  /** Subscribes to what is referred to, and forgets what no longer is. */
  private follow(typeUrl: string, names: readonly string[]): void {
    const held = this.held.get(typeUrl);
    for (const name of held?.keys() ?? []) if (!names.includes(name)) held?.delete(name);
    this.client?.subscribe(typeUrl, names);
  }

  onConnection(connected: boolean): void {
    this.connections.push(connected);
  }

  names(): string {
    return [typeUrls.cluster, typeUrls.endpoint, typeUrls.listener, typeUrls.route]
      .map((typeUrl) => [...(this.held.get(typeUrl)?.keys() ?? [])].sort().join(' '))
      .join(' | ');
  }
}

function createFollower(variant: AdsVariant, port: number): { client: AdsClient; follower: Follower } {
  const follower = new Follower();
  const client = new AdsClient({
    transport: createGrpcAdsTransport({
      network: createBunNetwork(),
      clock: createSystemClock(),
      address: { kind: 'ip', host: '127.0.0.1', port },
    }),
    variant,
    clock: createSystemClock(),
    random: createSystemRandom(),
    node: testNode,
    subscriber: follower,
    log: silentLog,
  });
  follower.client = client;
  client.subscribe(typeUrls.cluster, '*');
  client.subscribe(typeUrls.listener, '*');
  client.start();
  return { client, follower };
}

describeWith(['go'], 'go-control-plane', () => {
  beforeAll(async () => {
    const build = Bun.spawn(['go', 'build', '-o', binary, '.'], {
      cwd: source,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    expect(await build.exited).toBe(0);
  }, buildMs);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(['sotw', 'delta'] as const)(
    'is followed by %s through updates, removals and a NACK, and its end is survived',
    async (variant) => {
      const peer = new Peer();
      const { client, follower } = createFollower(variant, await peer.port());
      const hold = async (expected: string) => {
        await until('that is held', () => follower.names() === expected).catch(() =>
          expect(follower.names()).toBe(expected),
        );
      };
      try {
        peer.say('set 1 a b');
        await hold('a b | a b | outbound | outbound');
        peer.say('set 2 b c');
        await hold('b c | b c | outbound | outbound');
        const route = follower.held.get(typeUrls.route)?.get('outbound');
        expect(route === undefined ? [] : findReferences(route).clusters).toEqual(['b', 'c']);
        await until('six ACKs', () => peer.said.of('ack').length >= 6);
        expect(peer.said.of('nack')).toEqual([]);
        expect(peer.said.lines).toContain(`node ${testNode.id}`);

        follower.refuses = 'd';
        peer.say('set 3 b c d');
        const nack = 'nack Cluster d: type: is not supported (got EDS)';
        await until('the NACK', () => peer.said.lines.includes(nack));
        expect(client.status().types[0]).toMatchObject({ nack: nack.slice('nack Cluster '.length) });
        expect([...(follower.held.get(typeUrls.cluster)?.keys() ?? [])]).toEqual(['b', 'c']);

        follower.refuses = '';
        peer.say('set 4 b');
        await until('one cluster', () => follower.held.get(typeUrls.cluster)?.size === 1);
        await until('no NACK', () => client.status().types.every((type) => type.nack === null));
        expect(client.status().state).toBe('connected');
        await peer.stop();
        await until('the end', () => client.status().state !== 'connected');
        expect(follower.connections).toContain(false);
        expect([...(follower.held.get(typeUrls.cluster)?.keys() ?? [])]).toEqual(['b']);
      } finally {
        client.stop();
        await peer.stop();
      }
    },
    120_000,
  );
});
