import { expect, test } from 'bun:test';
import { answerPlugin, cniVersions, type PluginCall } from './plugin.ts';
import type { AgentQuestion, CniError } from './types.ts';

const result = {
  cniVersion: '1.0.0',
  ips: [{ address: '10.0.0.2/24', gateway: '10.0.0.1' }, { gateway: 'x' }],
};
const config = { cniVersion: '1.0.0', name: 'net', type: 'weft-cni', prevResult: result };
const environment = {
  CNI_CONTAINERID: 'c',
  CNI_NETNS: '/run/netns/n',
  CNI_IFNAME: 'eth0',
  CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=caller;K8S_POD_UID=u',
};

async function call(
  command: string,
  changes: Partial<PluginCall> = {},
  fault: CniError | Error | null = null,
) {
  const asked: (AgentQuestion & { readonly socket: string })[] = [];
  const { code, out } = await answerPlugin(
    {
      environment: { ...environment, CNI_COMMAND: command, ...changes.environment },
      input: changes.input ?? JSON.stringify(config),
    },
    async (socket, question) => {
      asked.push({ socket, ...question });
      if (fault instanceof Error) throw fault;
      return fault;
    },
  );
  return { code, said: out === '' ? null : JSON.parse(out), asked };
}

test('VERSION says what it speaks, and what it was asked in', async () => {
  const { code, said, asked } = await call('VERSION', { input: '{"cniVersion":"9.9.9"}' });
  expect([code, said, asked]).toEqual([0, { cniVersion: '9.9.9', supportedVersions: [...cniVersions] }, []]);
});

test('ADD asks the agent, and hands on what the plugin before it made', async () => {
  const { code, said, asked } = await call('ADD');
  expect([code, said]).toEqual([0, result]);
  const pod = { namespace: 'shop', name: 'caller', uid: 'u' };
  expect(asked).toEqual([
    {
      socket: '/run/weft-cni/agent.sock',
      command: 'ADD',
      netns: '/run/netns/n',
      pod,
      gateways: ['10.0.0.1'],
    },
  ]);
});

test.each(['ADD', 'CHECK'])('%s fails with what the agent says', async (command) => {
  const { code, said } = await call(command, {}, { code: 100, msg: 'weft: no', details: 'nft' });
  expect([code, said]).toEqual([1, { cniVersion: '1.0.0', code: 100, msg: 'weft: no', details: 'nft' }]);
});

test('an agent that is away: ADD is to be tried again, STATUS says that it is not available, DEL succeeds', async () => {
  const away = new Error('ENOENT');
  expect((await call('ADD', {}, away)).said).toMatchObject({
    code: 11,
    details: expect.stringContaining('ENOENT'),
  });
  expect((await call('STATUS', {}, away)).said).toMatchObject({ code: 50 });
  expect(await call('DEL', {}, away)).toMatchObject({ code: 0, said: null });
});

test('CHECK, DEL, STATUS and GC say nothing when all is well; GC asks nobody', async () => {
  for (const command of ['CHECK', 'DEL', 'STATUS', 'GC'])
    expect(await call(command)).toMatchObject({ code: 0, said: null });
  expect((await call('GC')).asked).toEqual([]);
});

test('DEL wants no network and no result: they may be gone', async () => {
  const input = JSON.stringify({ cniVersion: '0.4.0', socket: '/s' });
  const { code, asked } = await call('DEL', { input, environment: { CNI_NETNS: undefined } });
  expect([code, asked]).toMatchObject([0, [{ socket: '/s', command: 'DEL', netns: '', gateways: [] }]]);
});

test.each<[name: string, command: string, changes: Partial<PluginCall>, code: number, text: string]>([
  ['no JSON', 'ADD', { input: '{' }, 6, 'no JSON object'],
  ['a version of its own', 'ADD', { input: '{"cniVersion":"2.0.0"}' }, 1, 'not supported'],
  ['no version, which is 0.1.0', 'ADD', { input: '{}' }, 1, 'not supported'],
  ['an unknown command', 'MEND', {}, 4, 'CNI_COMMAND'],
  ['no network', 'ADD', { environment: { CNI_NETNS: '' } }, 4, 'CNI_NETNS'],
  ['no container', 'DEL', { environment: { CNI_CONTAINERID: '' } }, 4, 'CNI_CONTAINERID'],
  ['nobody before it', 'ADD', { input: '{"cniVersion":"1.0.0"}' }, 7, 'chained'],
])('%s is an error of the specification', async (_, command, changes, code, text) => {
  const { code: exit, said, asked } = await call(command, changes);
  expect([exit, asked]).toEqual([1, []]);
  expect([said.code, `${said.msg} ${said.details}`]).toEqual([code, expect.stringContaining(text)]);
});

test('who asks without a pod is no Kubernetes', async () => {
  const { asked } = await call('ADD', { environment: { CNI_ARGS: '' } });
  expect(asked[0]?.pod).toBeNull();
});
