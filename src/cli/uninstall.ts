// `weft uninstall`: takes away what `weft install` and the control plane made, in an order in which nothing makes it
// anew, and waits until it is gone. Without --yes it only says what that is.

import { Command } from 'commander';
import { agentAccount, type KubeObject, revisionNamedBy, textOf } from '../control/index.ts';
import {
  cniName,
  listForeign,
  listManaged,
  listRevisions,
  listServed,
  type MeshPod,
  nameOfObject,
  pathOfObject,
  planUninstall,
  type UninstallStep,
} from '../deploy/index.ts';
import {
  type ClusterFlags,
  listAnyOrExit,
  listOrExit,
  type OpenCluster,
  openCluster,
  orExit,
  withCluster,
} from './cluster.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import { revisionOption } from './revision.ts';

interface UninstallFlags extends ClusterFlags {
  readonly revision: string;
  readonly yes?: true;
  readonly crds?: true;
  readonly force?: true;
}

const words = 'weft uninstall';
/** Pods get this long to end, and a namespace to be emptied. */
const goneWaitMs = 120_000;
const lookAgainMs = 500;

async function run(flags: UninstallFlags): Promise<void> {
  const cluster = openCluster(flags, words);
  const { meshNamespace: namespace, revision, crds } = flags;
  const list = (path: string) => listOrExit(cluster, words, path);
  const within = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}`;
  const pods = await list('/api/v1/pods');
  const managed = await listManaged((path) => listAnyOrExit(cluster, words, path));
  const others = listRevisions(await list(`${within}/deployments`)).filter((other) => other !== revision);
  const sets = await list(`${within}/daemonsets`);
  const has = (name: string) => sets.some((set) => isNamed(set, name) && revisionNamedBy(set) === revision);
  const [agents, cni] = [has(agentAccount), has(cniName)];
  const [injected, foreign] = [listServed(pods, { revision, others }), listForeign(pods, namespace)];
  if (crds === true && others.length > 0)
    throw new Exit(exitCode.usage, `${words}: --crds: ${describeOthers(others)} needs the definitions`);
  const keepNamespace = foreign.length > 0;
  const plan = planUninstall(
    { namespace, revision, others, agents, cni, definitions: crds === true, keepNamespace },
    managed.ours,
  );
  const steps = await Promise.all(plan.map((step) => findThere(cluster, step)));
  refuseHelm(steps);
  for (const line of describePlan(injected, foreign, steps, { ...flags, others, unmade: managed.foreign }))
    console.log(line);
  if (steps.every(({ objects }) => objects.length === 0)) return;
  if (flags.yes !== true) {
    console.log('Nothing was deleted; --yes deletes it.');
    return;
  }
  if (injected.length > 0 && flags.force !== true)
    throw new Exit(
      exitCode.notFine,
      `${words}: take their sidecars away or move them to another revision first, or leave them behind by --force`,
    );
  for (const step of steps) await remove(cluster, step);
  console.log('All of it is gone.');
}

/** The part of a step that is there, as the API server has it. */
async function findThere(cluster: OpenCluster, { title, objects }: UninstallStep): Promise<UninstallStep> {
  const there = await Promise.all(objects.map((object) => read(cluster, object)));
  return { title, objects: there.filter((object) => object !== null) };
}

async function read({ api }: OpenCluster, object: KubeObject): Promise<KubeObject | null> {
  const path = pathOfObject(object);
  const { status, body } = orExit(words, await api.request({ method: 'GET', path }));
  if (status === 404) return null;
  if (status === 200) return { ...body, apiVersion: object['apiVersion'], kind: object['kind'] };
  throw new Exit(exitCode.notFine, `${words}: ${path} cannot be read: ${status} ${textOf(body, 'message')}`);
}

/** What Helm keeps a record of is Helm's to delete. */
function refuseHelm(steps: readonly UninstallStep[]): void {
  for (const object of steps.flatMap(({ objects }) => objects)) {
    const release = textOf(object, 'metadata', 'annotations', 'meta.helm.sh/release-name');
    // Definitions stay when a release goes, and are no part of one then.
    if (release === '' || textOf(object, 'kind') === 'CustomResourceDefinition') continue;
    const namespace = textOf(object, 'metadata', 'annotations', 'meta.helm.sh/release-namespace');
    throw new Exit(
      exitCode.notFine,
      `${words}: ${nameOfObject(object)} is of the Helm release ${release}: helm uninstall -n ${namespace} ${release}`,
    );
  }
}

function isNamed(object: KubeObject, name: string): boolean {
  return textOf(object, 'metadata', 'name') === name;
}

function describeOthers(others: readonly string[]): string {
  return others
    .map((other) => (other === '' ? 'the one without a revision' : `revision ${other}`))
    .join(', ');
}

/** Pods that it serves come first: they are what people must think about. */
export function describePlan(
  injected: readonly MeshPod[],
  foreign: readonly string[],
  steps: readonly UninstallStep[],
  {
    crds,
    meshNamespace,
    others,
    unmade,
  }: Pick<UninstallFlags, 'crds' | 'meshNamespace'> & {
    readonly others: readonly string[];
    /** They have our label, and we did not make them. */
    readonly unmade: readonly KubeObject[];
  },
): readonly string[] {
  const lines: string[] = [];
  if (injected.length > 0) {
    lines.push(
      `${injected.length} pods have a proxy of it, which goes on with what it has and is told of no change any more:`,
      ...injected.map(({ namespace, name }) => `  ${namespace}/${name}`),
    );
  }
  for (const { title, objects } of steps)
    if (objects.length > 0) lines.push(`${title}:`, ...objects.map((object) => `  ${nameOfObject(object)}`));
  if (unmade.length > 0)
    lines.push(
      'These have a label of ours, and the control plane never wrote to them; they stay:',
      ...unmade.map((object) => `  ${nameOfObject(object)}`),
    );
  if (others.length > 0) lines.push(`what is shared stays: ${describeOthers(others)} is there`);
  else if (foreign.length > 0)
    lines.push(`the namespace ${meshNamespace} stays, for other pods are in it: ${foreign.join(', ')}`);
  if (crds !== true)
    lines.push('Definitions of custom resources stay, with every policy; --crds takes both.');
  if (steps.every(({ objects }) => objects.length === 0)) lines.push('There is nothing to take away.');
  return lines;
}

async function remove(cluster: OpenCluster, { objects }: UninstallStep): Promise<void> {
  for (const object of objects) {
    const path = pathOfObject(object);
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      // Gone is then what it made, too.
      propagationPolicy: 'Foreground',
      preconditions: { uid: textOf(object, 'metadata', 'uid') },
    };
    const { status, body: said } = orExit(words, await cluster.api.request({ method: 'DELETE', path, body }));
    if (status !== 200 && status !== 202 && status !== 404)
      throw new Exit(
        exitCode.notFine,
        `${words}: ${nameOfObject(object)} cannot be deleted: ${status} ${textOf(said, 'message')}`,
      );
    console.log(`deleted ${nameOfObject(object)}`);
  }
  const untilMs = performance.now() + goneWaitMs;
  for (const object of objects) await waitGone(cluster, object, untilMs);
}

async function waitGone(cluster: OpenCluster, object: KubeObject, untilMs: number): Promise<void> {
  for (;;) {
    const there = await read(cluster, object);
    // Another of its name is not the one that was deleted.
    if (there === null || textOf(there, 'metadata', 'uid') !== textOf(object, 'metadata', 'uid')) return;
    if (performance.now() > untilMs)
      throw new Exit(
        exitCode.notFine,
        `${words}: ${nameOfObject(object)} is deleted and not gone after ${goneWaitMs / 1000} s`,
      );
    await Bun.sleep(lookAgainMs);
  }
}

export const command: CliCommand = withCluster(
  new Command('uninstall').description(
    'Take away all that weft install and the control plane made. Without --yes it says what that is.',
  ),
)
  .addOption(revisionOption('this one of several side by side, and nothing that they share'))
  .option('--yes', 'delete it, and wait until it is gone')
  .option('--crds', 'the definitions of custom resources too, and with them every policy of the cluster')
  .option('--force', 'although pods have sidecars')
  .action(run);
