// Envoy's flags beside those that `weft proxy` has of its own: hidden, for command lines that move over. Each is taken
// with its meaning, or asks for what holds here in any case, or is refused with a sentence; none is passed over.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { Exit, exitCode } from './command.ts';

/** What holds already. */
const met: readonly (readonly [flag: string, why: string])[] = [
  ['--disable-hot-restart', 'without --base-id and --restart-epoch there is none'],
  ['--skip-hot-restart-parent-stats', 'statistics are never copied from the proxy before'],
  ['--reject-unknown-dynamic-fields', 'they always are'],
  ['--skip-deprecated-logs', 'nothing is logged of deprecated fields'],
  ['--log-format-escaped', 'lines of the log are JSON'],
  ['--log-stacktrace-single-entry', 'an entry is one line'],
  ['--file-flush-interval-msec <ms>', 'access logs are written sooner'],
  ['--file-flush-min-size-kb <kB>', 'access logs are written sooner'],
];

const refused: readonly (readonly [flag: string, why: string])[] = [
  ['--stats-tag <tag:value>', 'series have no tags of the proxy: whoever scrapes it names it'],
  ['--enable-core-dump', 'the limits of the system decide (ulimit -c)'],
  ['--socket-path <path>', 'a successor is found by --base-id alone'],
  ['--socket-mode <mode>', 'a successor is of the same user'],
  ['--disable-extensions <names>', 'what a configuration does not name does nothing'],
  ['--enable-mutex-tracing', 'there are no locks to trace'],
  ['--enable-fine-grain-logging', 'the log has one level: -l'],
  ['--component-log-level <levels>', 'the log has one level: -l'],
  ['--log-format <format>', 'lines of the log are JSON'],
  ['--local-address-ip-version <version>', 'the proxy tells nobody an address of its own'],
  ['--ignore-unknown-dynamic-fields', 'what is not understood is refused, so that no rule is passed over'],
  ['--allow-unknown-static-fields', 'what is not understood is refused, so that no rule is passed over'],
  ['--allow-unknown-fields', 'what is not understood is refused, so that no rule is passed over'],
  ['--ignore_rest', 'leave out what is to be ignored'],
];

/** Those of them that are taken. */
export interface EnvoyFlags {
  readonly configPath?: string;
  readonly drainTimeS?: number;
  readonly serviceZone?: string;
  readonly adminAddressPath?: string;
  readonly cpusetThreads?: true;
  readonly disableHotRestart?: true;
  readonly skipHotRestartOnNoParent?: true;
  readonly useDynamicBaseId?: true;
  readonly baseIdPath?: string;
  readonly hotRestartVersion?: true;
  readonly version?: true;
}

export function addEnvoyFlags(command: Command): void {
  const taken = [
    new Option('--config-path <file>', 'as --config'),
    new Option('--drain-time-s <seconds>', 'as --drain-time').argParser(parseSeconds),
    new Option('--service-zone <name>', "the node's zone, instead of the bootstrap's"),
    new Option('--admin-address-path <file>', 'where the address of the admin interface is written'),
    new Option('--cpuset-threads', 'as many threads as CPUs, where --concurrency does not say'),
    new Option('--skip-hot-restart-on-no-parent', 'start also where there is no proxy before'),
    new Option('--use-dynamic-base-id', 'a --base-id that nobody has'),
    new Option('--base-id-path <file>', 'where the base id is written'),
    new Option('--hot-restart-version', 'what takes over from what, and exit'),
    new Option('--version', 'the same'),
  ];
  for (const option of taken) command.addOption(option.hideHelp());
  for (const [flag, why] of met) command.addOption(new Option(flag, why).hideHelp());
  for (const [flag, why] of refused) {
    const option = new Option(flag, why).hideHelp();
    command.addOption(option);
    command.on(`option:${option.name()}`, () => {
      throw new Exit(exitCode.usage, `--${option.name()}: is not taken: ${why}`);
    });
  }
}

export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text !== '' && Number.isFinite(seconds) && seconds >= 0) return seconds;
  throw new InvalidArgumentError('must be seconds');
}
