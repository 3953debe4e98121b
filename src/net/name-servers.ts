// Names asked of given name servers instead of those of the system, by c-ares.

import type { Resolver } from 'node:dns/promises';
import type { LookupAnswer, NameServers } from './resolver.ts';

/** As Envoy's c-ares: how long one is waited for, and how often they are asked in all. */
const timeoutMs = 5_000;
const tries = 4;

/** Made once for each list, which is the configuration's; it ends with it. */
const clients = new WeakMap<NameServers, Promise<Resolver>>();

/** Both families at once. Fails when neither has an answer; a silent server outweighs one that says there is none. */
export async function lookUpAt(servers: NameServers, name: string): Promise<readonly LookupAnswer[]> {
  const client = await clientOf(servers);
  const { family } = servers;
  const asked = [
    ...(family === 6 ? [] : [client.resolve4(name, { ttl: true })]),
    ...(family === 4 ? [] : [client.resolve6(name, { ttl: true })]),
  ];
  const answers = await Promise.allSettled(asked);
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (found.length > 0) return found;
  const causes = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
  throw causes.find((cause) => !saysNone(cause)) ?? causes[0];
}

function clientOf(servers: NameServers): Promise<Resolver> {
  let client = clients.get(servers);
  if (client === undefined) {
    client = createClient(servers);
    clients.set(servers, client);
  }
  return client;
}

/** Loaded when the first cluster asks for it: three megabytes that most proxies never need. */
async function createClient({ addresses }: NameServers): Promise<Resolver> {
  const dns = await import('node:dns/promises');
  const client = new dns.Resolver({ timeout: timeoutMs, tries });
  client.setServers([...addresses]);
  return client;
}

function saysNone(cause: unknown): boolean {
  return (
    cause instanceof Error && 'code' in cause && (cause.code === 'ENOTFOUND' || cause.code === 'ENODATA')
  );
}
