import { expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../base/index.ts';
import { CniAgent } from './agent.ts';
import { askAgent, serveAgent } from './agent-socket.ts';
import { mendPods } from './mend-pods.ts';
import { podOfCgroup } from './pod-networks.ts';
import { redirectAnnotation } from './redirect-note.ts';
import { PodsApi } from './testing/pods-api.ts';
import type { AgentQuestion } from './types.ts';

const note = { [redirectAnnotation]: 'outbound=all;inbound=none;skip=none' };
const pod = { namespace: 'shop', name: 'caller', uid: 'uid-caller' };
const add = (changes: Partial<AgentQuestion> = {}): AgentQuestion => ({
  command: 'ADD',
  netns: 'relative',
  pod,
  gateways: [],
  ...changes,
});

function createAgent(annotations: Readonly<Record<string, string>> = {}) {
  const api = new PodsApi();
  api.add('caller', annotations);
  return { api, agent: new CniAgent({ api, tool: 'nft', nodeAddresses: [], log: silentLog }) };
}

test('a pod that does not ask, or that nobody knows, is left alone', async () => {
  const { agent } = createAgent();
  expect(await agent.answer(add())).toBeNull();
  expect(await agent.answer(add({ pod: { ...pod, name: 'static' } }))).toBeNull();
  expect(await agent.answer(add({ pod: null }))).toBeNull();
});

test('what cannot be learnt is refused, to be asked again', async () => {
  const { agent, api } = createAgent(note);
  expect(await agent.answer(add({ pod: { ...pod, uid: 'before' } }))).toMatchObject({
    code: 11,
    msg: 'weft: another pod has its name',
  });
  api.status = 403;
  expect(await agent.answer(add())).toMatchObject({ code: 11, details: '403 no' });
  api.status = null;
  expect(await agent.answer(add())).toMatchObject({ code: 11, msg: 'weft: the API server does not answer' });
});

test('an annotation at fault, or no path, sets no half of the rules', async () => {
  expect(await createAgent({ [redirectAnnotation]: 'x' }).agent.answer(add())).toMatchObject({ code: 7 });
  expect(await createAgent(note).agent.answer(add())).toMatchObject({ code: 4, details: 'relative' });
  expect(await createAgent(note).agent.answer(add({ netns: '/nowhere' }))).toMatchObject({ code: 100 });
  expect(await createAgent(note).agent.answer(add({ command: 'CHECK', netns: '/nowhere' }))).toMatchObject({
    code: 101,
  });
});

test("no rules are set in the node's own network", async () => {
  const answer = await createAgent(note).agent.answer(add({ netns: `/proc/${process.pid}/ns/net` }));
  expect(answer).toMatchObject({ code: 4, msg: "weft: it is the node's own network" });
});

test('what was asked is counted by how it was answered', async () => {
  const { agent, api } = createAgent();
  await agent.answer(add());
  await agent.answer(add());
  api.status = null;
  await agent.answer(add());
  agent.counts.mended++;
  const lines = agent.counts.encode(true).split('\n');
  expect(lines.filter((line) => !line.startsWith('#'))).toEqual([
    'weft_cni_questions_total{command="ADD",code="0"} 2',
    'weft_cni_questions_total{command="ADD",code="11"} 1',
    'weft_cni_mended_total 1',
    'weft_cni_installed 1',
    '',
  ]);
});

test('STATUS is well, and DEL is where nothing is left', async () => {
  const { agent } = createAgent(note);
  expect(await agent.answer(add({ command: 'STATUS' }))).toBeNull();
  expect(await agent.answer(add({ command: 'DEL', netns: '' }))).toBeNull();
  expect(await agent.answer(add({ command: 'DEL', netns: '/nowhere' }))).toBeNull();
});

test('over the socket, which root alone opens; what is no question is told so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-cni-'));
  const path = join(folder, 'run', 'agent.sock');
  const server = serveAgent(path, createAgent({ [redirectAnnotation]: 'x' }).agent);
  try {
    expect(await askAgent(path, add())).toMatchObject({ code: 7 });
    for (const body of ['[]', '{', JSON.stringify({ ...add(), command: 'MEND' })]) {
      const response = await fetch('http://agent/', { unix: path, method: 'POST', body });
      expect(await response.json()).toMatchObject({ error: { code: 6 } });
    }
  } finally {
    await server.stop();
  }
  expect(await askAgent(path, add()).catch((error: Error) => error)).toBeInstanceOf(Error);
  rmSync(folder, { recursive: true });
});

test.each([
  [
    '0::/kubepods/besteffort/pod1b2c3d4e-0000-4000-8000-0123456789ab/abc',
    '1b2c3d4e-0000-4000-8000-0123456789ab',
  ],
  [
    '0::/kubepods.slice/kubepods-pod1b2c3d4e_0000_4000_8000_0123456789ab.slice/cri-containerd-abc.scope',
    '1b2c3d4e-0000-4000-8000-0123456789ab',
  ],
  ['0::/system.slice/podman.service', null],
  ['', null],
])('the pod of a process: %s', (cgroup, uid) => {
  expect(podOfCgroup(cgroup)).toBe(uid);
});

test('pods that were made past the plugin are looked for among those that ask and run', async () => {
  const proc = mkdtempSync(join(tmpdir(), 'weft-proc-'));
  const uids = [1, 2, 3].map((digit) => `${digit}b2c3d4e-0000-4000-8000-0123456789ab`);
  const { agent, api } = createAgent(note);
  const [asks, plain, ended] = uids;
  api.add('asks', note, {}, asks);
  api.add('plain', {}, {}, plain);
  api.add('ended', note, { status: { phase: 'Succeeded' } }, ended);
  for (const [at, uid] of [...uids, uids[0]].entries()) {
    mkdirSync(join(proc, `${at + 1}`));
    writeFileSync(join(proc, `${at + 1}`, 'cgroup'), `0::/kubepods/pod${uid}/abc\n`);
  }
  mkdirSync(join(proc, '9'));
  const tried: [string, string][] = [];
  agent.mend = async (one, netns) => {
    tried.push([(one['metadata'] as { name: string }).name, netns]);
    return true;
  };
  expect(await mendPods(api, agent, 'node', proc)).toBe(1);
  expect(tried).toEqual([['asks', expect.stringMatching(/\/[14]\/ns\/net$/)]]);
  api.status = 403;
  expect(await mendPods(api, agent, 'node', proc)).toBeString();
  rmSync(proc, { recursive: true });
});
