// The list of plugins by which a node makes networks: ours is added as the last one, and taken out again. Everything
// else in the list stays as its owner wrote it.

import { fail, ok, type Result } from '../../base/index.ts';
import { isRecord } from '../../control/index.ts';
import { agentSocket, pluginName } from './types.ts';

/** Runtimes take the first file by name that ends so (libcni). */
export function chooseConfig(names: readonly string[]): string | null {
  const sorted = names.filter((name) => /\.(conf|conflist|json)$/.test(name)).sort();
  return sorted[0] ?? null;
}

/** The new text, or `same` where ours is in it as it should be; a failure says why it cannot be. */
export function addPlugin(text: string, socket = agentSocket): Result<string | 'same', string> {
  const list = parseList(text);
  if (!list.ok) return list;
  const { plugins } = list.value;
  const entry = { type: pluginName, ...(socket === agentSocket ? {} : { socket }) };
  const others = plugins.filter((plugin) => !isOurs(plugin));
  if (others.length === 0) return fail('it has no plugin that makes a network');
  // Anywhere behind the first one: who wants to be the last one too would write against us for ever.
  const fits =
    others.length === plugins.length - 1 && plugins.slice(1).some((plugin) => Bun.deepEquals(plugin, entry));
  return ok(fits ? 'same' : encode({ ...list.value, plugins: [...others, entry] }));
}

/** The text without ours, or `same` where it is not in it. */
export function removePlugin(text: string): Result<string | 'same', string> {
  const list = parseList(text);
  if (!list.ok) return list;
  const others = list.value.plugins.filter((plugin) => !isOurs(plugin));
  return ok(
    others.length === list.value.plugins.length ? 'same' : encode({ ...list.value, plugins: others }),
  );
}

interface PluginList {
  readonly plugins: readonly unknown[];
}

function parseList(text: string): Result<PluginList, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // Somebody is writing it.
    return fail(`it is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isRecord(value)) return fail('it is no object');
  if (!Array.isArray(value['plugins'])) return fail('it is one plugin, not a list of them (.conflist)');
  return ok({ ...value, plugins: value['plugins'] });
}

function isOurs(plugin: unknown): boolean {
  return isRecord(plugin) && plugin['type'] === pluginName;
}

function encode(list: PluginList): string {
  return `${JSON.stringify(list, null, 2)}\n`;
}
