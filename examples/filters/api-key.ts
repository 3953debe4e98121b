// A filter of one's own (docs/filters.md): who asks must show a key that another service knows. What is known is kept
// for a while; who owns the key is told to the application, and answers say that it was looked at.

import type { FilterHandler } from '../../src/proxy/filters/user/api.ts';

export const name = 'api-key';

interface Config {
  /** The cluster that knows keys: `GET /keys/<key>` is 200 with the owner's name, or 404. */
  readonly cluster: string;
  readonly header: string;
  /** Keys kept at most. */
  readonly known: number;
}

export function create(given: unknown): FilterHandler {
  const { cluster, header, known } = check(given);
  const owners = new Map<string, string>();
  return {
    async onRequest(request) {
      const key = request.headers.get(header);
      if (key === null || !/^[a-z0-9]{1,64}$/.test(key)) return { status: 401, body: 'a key is missing' };
      let owner = owners.get(key);
      if (owner === undefined) {
        const answer = await request.call(cluster, { path: `/keys/${key}` });
        if (answer.status === 404) return { status: 403, body: 'no such key' };
        if (answer.status !== 200) throw new Error(`the keys' service answered ${answer.status}`);
        owner = new TextDecoder().decode(answer.body);
        // What a caller can make grow has a bound: the oldest goes.
        for (const oldest of owners.keys()) if (owners.size >= known) owners.delete(oldest);
        owners.set(key, owner);
      }
      request.headers.delete(header);
      request.headers.set('x-owner', owner);
      request.state.set('owner', owner);
      request.note({ owner });
      return undefined;
    },
    onResponse(response, request) {
      if (request.state.has('owner')) response.headers.set('x-key', 'known');
      return undefined;
    },
  };
}

function check(given: unknown): Config {
  const { cluster, header = 'x-api-key', known = 1000 } = (given ?? {}) as Partial<Config>;
  if (typeof cluster !== 'string') throw new TypeError('cluster must be the name of a cluster');
  if (typeof header !== 'string' || !Number.isInteger(known) || known < 1)
    throw new TypeError('header must be a name, and known a number above 0');
  return { cluster, header, known };
}
