import { describe, expect, test } from 'bun:test';
import { parse } from 'yaml';
import type { SidecarWish } from './model/sidecars.ts';
import { listWishKinds, SidecarWishes } from './sidecar-wishes.ts';
import { parseObject } from './source/parse.ts';

type Json = Readonly<Record<string, unknown>>;

const service = (name: string, spec: string, namespace = 'bank') =>
  `{ apiVersion: v1, kind: Service, metadata: { name: ${name}, namespace: ${namespace} }, spec: { ${spec} } }`;
const policy = (name: string, day: number, targets: string, spec: string) =>
  `{ apiVersion: weft.dev/v1alpha1, kind: ServicePolicy, metadata: { name: ${name}, namespace: bank, creationTimestamp: "2026-01-0${day}T00:00:00Z" }, spec: { targetRefs: [${targets
    .split(' ')
    .map((target) => target.split('#'))
    .map(
      ([service = '', port]) =>
        `{ group: "", kind: Service, name: ${service}${port === undefined ? '' : `, sectionName: ${port}`} }`,
    )
    .join(', ')}], ${spec} } }`;
const sidecar = (resources: string, logLevel = '') =>
  `sidecar: { resources: { ${resources} }${logLevel === '' ? '' : `, logLevel: ${logLevel}`} }`;

function wishesOf(...objects: readonly string[]): SidecarWishes {
  const wishes = new SidecarWishes();
  for (const object of objects) expect(wishes.takeIn(parse(object) as Json)).toEqual([]);
  return wishes;
}

/** `cpu 100m/2 by a`. */
function say({ cpu, memory, logLevel }: SidecarWish): readonly string[] {
  const shares = Object.entries({ cpu, memory }).flatMap(([name, one]) =>
    one === undefined ? [] : [`${name} ${one.value.request ?? ''}/${one.value.limit ?? ''} by ${one.policy}`],
  );
  return [...shares, ...(logLevel === undefined ? [] : [`log ${logLevel.value} by ${logLevel.policy}`])];
}

const pod = { app: 'ledger', tier: 'core' };
const ledger = service('ledger', 'selector: { app: ledger }');
const core = service('core', 'selector: { tier: core }');
const full = sidecar('requests: { cpu: 100m, memory: 64Mi }, limits: { cpu: 2 }', 'debug');

describe('what ServicePolicies say of a pod’s sidecar', () => {
  test.each<[name: string, objects: readonly string[], said: readonly string[]]>([
    ['nothing without one', [ledger], []],
    [
      'what the one says',
      [ledger, policy('a', 1, 'ledger', full)],
      ['cpu 100m/2 by a', 'memory 64Mi/ by a', 'log debug by a'],
    ],
    ['nothing where it says nothing', [ledger, policy('a', 1, 'ledger', 'timeouts: { request: 1s }')], []],
    ['nothing where its Service is not there', [core, policy('a', 1, 'ledger', full)], []],
    [
      'nothing of a Service that selects others',
      [service('ledger', 'selector: { app: ledger, tier: edge }'), policy('a', 1, 'ledger', full)],
      [],
    ],
    ['nothing of one that selects nobody', [service('ledger', ''), policy('a', 1, 'ledger', full)], []],
    [
      'nothing of one that is a name',
      [
        service('ledger', 'type: ExternalName, externalName: example.com, selector: { app: ledger }'),
        policy('a', 1, 'ledger', full),
      ],
      [],
    ],
    [
      'nothing of one in another namespace',
      [service('ledger', 'selector: { app: ledger }', 'shop'), policy('a', 1, 'ledger', full)],
      [],
    ],
    [
      'of two on one Service the older alone',
      [ledger, policy('b', 1, 'ledger', sidecar('', 'warn')), policy('a', 2, 'ledger', full)],
      ['log warn by b'],
    ],
    [
      'an older one that says nothing of sidecars is in force all the same',
      [ledger, policy('b', 1, 'ledger', 'timeouts: { request: 1s }'), policy('a', 2, 'ledger', full)],
      [],
    ],
    [
      'one for a port alone is not in the way',
      [ledger, policy('b', 1, 'ledger#web', 'timeouts: { request: 1s }'), policy('a', 2, 'ledger', full)],
      ['cpu 100m/2 by a', 'memory 64Mi/ by a', 'log debug by a'],
    ],
    [
      'of two Services what the older says, and of the younger what it adds',
      [
        ledger,
        core,
        policy('b', 2, 'ledger', full),
        policy('c', 1, 'core', sidecar('requests: { cpu: 1 }', 'error')),
      ],
      ['cpu 1/ by c', 'memory 64Mi/ by b', 'log error by c'],
    ],
    [
      'of two of one age the first by name',
      [
        ledger,
        core,
        policy('b', 1, 'ledger', sidecar('', 'warn')),
        policy('a', 1, 'core', sidecar('', 'error')),
      ],
      ['log error by a'],
    ],
    [
      'one that lost a Service holds by the other',
      [
        ledger,
        core,
        policy('a', 1, 'ledger', 'timeouts: { request: 1s }'),
        policy('b', 2, 'ledger core', full),
      ],
      ['cpu 100m/2 by b', 'memory 64Mi/ by b', 'log debug by b'],
    ],
  ])('%s', (_, objects, said) => {
    for (const order of [objects, objects.toReversed()])
      expect(say(wishesOf(...order).wishFor('bank', pod))).toEqual(said);
  });

  test('changes with the objects, and goes with them', () => {
    const wishes = wishesOf(ledger, policy('a', 1, 'ledger', full));
    const said = () => say(wishes.wishFor('bank', pod));
    wishes.takeIn(parse(policy('a', 1, 'ledger', sidecar('', 'warn'))) as Json);
    expect(said()).toEqual(['log warn by a']);
    const bad = parseObject(
      { file: '', line: 0 },
      parse(policy('a', 1, 'ledger', sidecar('', 'loud'))) as Json,
    );
    if (!bad.ok) throw new Error(bad.error.rule);
    expect(wishes.onUpsert(bad.value).map(({ field, rule }) => `${field} ${rule}`)).toEqual([
      'spec.sidecar.logLevel must be debug, info, warn, error or off',
    ]);
    expect(said()).toEqual([]);
    wishes.takeIn(parse(policy('a', 1, 'ledger', full)) as Json);
    expect(said()).toHaveLength(3);
    wishes.onRemove('bank/Service/ledger');
    expect(said()).toEqual([]);
    expect(wishes.listAstray()).toEqual(['bank/a']);
    wishes.onRemove('bank/ServicePolicy/a');
    expect(wishes.listAstray()).toEqual([]);
  });

  test('is known from the first sync on, which whoever waits hears of', () => {
    const wishes = new SidecarWishes();
    const heard: string[] = [];
    wishes.whenSynced(() => heard.push('early'));
    expect([wishes.synced, heard]).toEqual([false, []]);
    wishes.onSynced();
    wishes.whenSynced(() => heard.push('late'));
    expect([wishes.synced, heard]).toEqual([true, ['early', 'late']]);
  });
});

test('it is made of Services and ServicePolicies', () => {
  expect(listWishKinds().map(({ plural }) => plural)).toEqual(['services', 'servicepolicies']);
});
