// Puts the console onto the control plane's admin port: the console asks the control plane and the demo beside it over
// HTTP, like anyone.

import {
  Collector,
  type ConsoleHandler,
  createConsole,
  type DemoView,
  type MeshPage,
  readMeshPage,
} from '../console/index.ts';

export interface DemoLink {
  readonly url: string;
  readonly token: string;
}

const answerTimeoutMs = 2_000;

/** `controlUrl` is asked for once the admin port is bound. */
export function createConsolePages(controlUrl: () => string, demo: DemoLink | null): ConsoleHandler {
  const collector = new Collector({
    readMesh: async () => readMeshPage(await getJson<MeshPage>(`${controlUrl()}/api/v1/mesh`, {})),
    readDemo: async () => (demo === null ? null : await readDemo(demo)),
    fetcher: fetch,
    wallMs: Date.now,
  });
  return createConsole({ collector, command: demo === null ? null : (words) => sendCommand(demo, words) });
}

/** A demo that does not answer is left out: the mesh can be watched without it. */
async function readDemo(demo: DemoLink): Promise<DemoView | null> {
  return await getJson<DemoView>(`${demo.url}/status`, authorize(demo)).catch(() => null);
}

async function sendCommand(
  demo: DemoLink,
  words: readonly string[],
): Promise<{ ok: boolean; message: string }> {
  const headers = { ...authorize(demo), 'content-type': 'application/json' };
  const signal = AbortSignal.timeout(answerTimeoutMs);
  const body = JSON.stringify({ words });
  const response = await fetch(`${demo.url}/command`, { method: 'POST', headers, body, signal });
  return (await response.json()) as { ok: boolean; message: string };
}

function authorize(demo: DemoLink): Record<string, string> {
  return { authorization: `Bearer ${demo.token}` };
}

async function getJson<T>(url: string, headers: Record<string, string>): Promise<T> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(answerTimeoutMs) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as T;
}
