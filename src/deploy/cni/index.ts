export { CniAgent, type CniAgentOptions } from './agent.ts';
export { askAgent, serveAgent } from './agent-socket.ts';
export { CniInstaller, type CniInstallerOptions } from './installer.ts';
export { mendPods } from './mend-pods.ts';
export { answerPlugin, type PluginEnd } from './plugin.ts';
export { agentSocket, cniBytesMax } from './types.ts';
